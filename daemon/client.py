"""A stream's client: its frames go straight to the transport, so that one that reads slowly slows nobody."""

from __future__ import annotations

import asyncio
import struct
import time
from dataclasses import dataclass, field
from enum import Enum, auto

from daemon.selection import EVERYTHING, Selection

PING = b"\x89\x00"
_TEXT = 0x81
_SHORT, _MIDDLE = 126, 65_536


class Pace(Enum):
    """How a client gets its events."""

    WAITING = auto()  # nothing was subscribed to yet
    CATCHING_UP = auto()  # a task of its own reads the history for it
    LIVE = auto()  # each tick's frame
    SLOW = auto()  # its buffer is full: what it misses is counted until it is empty again


def text_frame(payload: bytes) -> bytes:
    """A whole WebSocket text message as a server sends it (RFC 6455, section 5.2: no mask)."""
    length = len(payload)
    if length < _SHORT:
        return bytes((_TEXT, length)) + payload
    if length < _MIDDLE:
        return struct.pack("!BBH", _TEXT, 126, length) + payload
    return struct.pack("!BBQ", _TEXT, 127, length) + payload


@dataclass(slots=True, eq=False)
class Client:
    """`position` is the number of the next event that it was not yet told of."""

    transport: asyncio.Transport
    selection: Selection = EVERYTHING
    pace: Pace = Pace.WAITING
    position: int = 0
    missed_from: int = 0
    missed: int = 0
    heard: float = field(default_factory=time.monotonic)
    emptied: float = field(default_factory=time.monotonic)  # when its buffer was last seen to be small

    @property
    def is_gone(self) -> bool:
        """Whether nothing can be sent to it any more."""
        return self.transport.is_closing()

    @property
    def buffered(self) -> int:
        """Bytes that the network has not taken yet."""
        return int(self.transport.get_write_buffer_size())

    def send(self, frame: bytes) -> None:
        """Hand a frame to the network, or to its buffer."""
        if not self.transport.is_closing():
            self.transport.write(frame)
