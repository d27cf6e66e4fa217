"""
DaemonError
├── SettingsError        the environment says something that cannot be      exit 2
├── PortTaken            an enabled server cannot listen                    exit 1
├── HistoryUnavailable   the history cannot be read or written now
├── MessageRefused       what a client sent is not in the protocol
│   └── MessageTooLarge      it has more bytes than one may have
└── BadRequest           a question to the read API that cannot be answered
"""

from __future__ import annotations

from typing import ClassVar


class DaemonError(Exception):
    """Any error of the daemon; its text is one clear sentence with the remedy."""

    exit_status: ClassVar[int] = 1


class SettingsError(DaemonError):
    """The environment says something that cannot be; every mistake is a line of the text."""

    exit_status = 2


class PortTaken(DaemonError):
    """An enabled server cannot listen; the text names the port and who holds it."""


class HistoryUnavailable(DaemonError):
    """The history cannot be read or written now; nothing was acknowledged."""


class MessageRefused(DaemonError):
    """What a client sent is not in the protocol; its connection is closed with this sentence."""


class MessageTooLarge(MessageRefused):
    """A message has more bytes than one may have."""


class BadRequest(DaemonError):
    """A question to the read API that cannot be answered as it was put."""
