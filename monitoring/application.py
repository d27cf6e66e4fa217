"""The beginning and the end of monitoring in a process, and what happens when it forks."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from dataclasses import dataclass

from monitoring.client import Sender, now_us
from monitoring.correlation import begin_other_traces
from monitoring.recorder import RING, event
from monitoring.settings import Settings
from monitoring.settings import settings as process_settings
from monitoring.spool import Spool, open_spool
from monitoring.wire import SourceId

logger = logging.getLogger("monitoring")

_FLUSH_S = 2.0
_NOBODY_S = 0.3  # without a daemon: nobody should wait for what is not there


@dataclass(slots=True)
class _Running:
    settings: Settings
    spool: Spool
    sender: Sender


@dataclass(slots=True)
class _Process:
    running: _Running | None = None
    hooked: bool = False


_process = _Process()
_turn = threading.Lock()


def start(
    service: str, *, instance: str | None = None, version: str | None = None, settings: Settings | None = None
) -> None:
    """Record from here on, and send to the daemon; once a process, at its start.

    `instance` names this process on the page (default: MONITORING_INSTANCE, else service and pid); `version` draws
    a mark for the deploy. Without a daemon events are kept, then counted as dropped; nothing is raised.
    """
    here = settings or process_settings()
    if not here.enabled:
        return
    with _turn:
        if _process.running is not None:
            logger.info("monitoring has begun already, as %s", _process.running.spool.source.instance)
            return
        _begin(here, service, instance or here.instance or f"{service}-{os.getpid()}")
        if not _process.hooked:
            _process.hooked = True
            atexit.register(stop)
            os.register_at_fork(after_in_child=_begin_in_child)
    if version is not None:
        event("deploy", "host", attributes={"service.version": version})


def flush(timeout_s: float = _FLUSH_S) -> bool:
    """Wait until the daemon has stored everything recorded up to now; False where it has not in time."""
    running = _process.running
    return running is None or running.sender.flush(timeout_s)


def stop(timeout_s: float = _FLUSH_S) -> bool:
    """Send what is left and end; False where something stayed unsent, which the next process reports as lost."""
    with _turn:
        running, _process.running = _process.running, None
    if running is None:
        return True
    if not running.sender.flush(min(timeout_s, _NOBODY_S)) and running.sender.talking:
        running.sender.flush(timeout_s)
    RING.capacity = 0
    settled = running.sender.flush(0.1)
    running.sender.end(timeout_s)
    RING.close()
    running.spool.leave(settled)
    return settled


def source() -> SourceId | None:
    """Who this process is to the daemon, None where monitoring is off."""
    return _process.running.spool.source if _process.running is not None else None


def _begin(settings: Settings, service: str, instance: str) -> None:
    identity = SourceId(service=service, instance=instance, pid=os.getpid(), started_us=now_us())
    spool = open_spool(settings.spool, identity)
    RING.open(settings.ring_events, spool.counts)
    sender = Sender(RING, spool, settings)
    _process.running = _Running(settings, spool, sender)
    try:
        sender.start()
    except RuntimeError as error:
        logger.warning("no thread for monitoring: %s: what is recorded stays here", error)


def _begin_in_child() -> None:
    """A child is a source of its own: the parent's ring, counts and connection stay the parent's."""
    global _turn
    _turn = threading.Lock()
    begin_other_traces()
    running, _process.running = _process.running, None
    if running is None:
        return
    running.spool.forget()
    parent = running.spool.source
    _begin(running.settings, parent.service, f"{parent.instance}.{os.getpid()}")
