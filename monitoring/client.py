"""The sender: a thread that brings what was recorded to the daemon, and keeps each batch until it is stored there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import uniform

import msgspec
from websockets.exceptions import WebSocketException

from monitoring.books import Books
from monitoring.connection import Connection, Denied, connected
from monitoring.recorder import Ring
from monitoring.settings import Settings
from monitoring.spool import Spool, ended_processes
from monitoring.wire import PROTOCOL, Ack, FromIngest, IngestHello, LostAck, Refused, SourceId, Welcome

logger = logging.getLogger("monitoring")

LIBRARY = "pgfold-monitoring/0.1"

_SHORTEST_S, _LONGEST_S = 0.03, 0.06  # between batches
_SHARE = 1 / 200  # of a core's time that we take, as long as that keeps the pause short
_HEARTBEAT_S = 5.0
_SILENCE_S = 10.0
_LOST_EVERY_S = 30.0
_PARTING_S = 0.5
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0
_REFUSALS = 3

_decode = msgspec.json.Decoder(FromIngest).decode
_encode = msgspec.json.Encoder().encode

now_us: Callable[[], int] = lambda: time.time_ns() // 1000  # noqa: E731


class _Unsent(Exception):
    """The daemon refuses what we send."""


class _OtherHistory(Exception):
    """The daemon does not know what it once acknowledged."""


@dataclass(slots=True)
class _Line:
    """One connection to the daemon, after its welcome."""

    connection: Connection
    welcome: Welcome
    heard: float
    spoken: float
    busy: bool = False
    lost_at: float = 0.0
    lost_waiting: dict[SourceId, Path] = field(default_factory=dict)


class Sender(threading.Thread):
    """Sends what is in the ring for as long as the process lives."""

    def __init__(self, ring: Ring, spool: Spool, settings: Settings) -> None:
        super().__init__(name="monitoring-sender", daemon=True)
        "localhost".encode("idna")  # loads the codec here: a fork while our thread does leaves the child without it
        self.books = Books(ring)
        self._spool = spool
        self._settings = settings
        self.talking = False  # whether a daemon is there
        self._hurry = threading.Event()
        self._ending = False
        self._said: str | None = None
        self._refusals = 0
        self._told_of_drops = False
        self._pause_s = _FIRST_PAUSE_S

    def run(self) -> None:
        """Connect and send, again and again, until `end`."""
        while not self._ending:
            self.talking = False
            try:
                self._converse()
            except _OtherHistory as reason:
                self._say("info", str(reason))
                self._spool.begin_anew(now_us(), self.books.begin_anew())
                continue
            except _Unsent as reason:
                self._say("warning", str(reason))
                self._refuse()
            except Denied as reason:
                self._say("warning", f"{self._settings.ingest_url} does not let us in: {reason}")
                self._rest()
            except (OSError, EOFError, WebSocketException, msgspec.MsgspecError, ValueError) as error:
                self._say("info", f"{self._settings.ingest_url} does not answer: {error}: events are kept meanwhile")
                self._rest()
            except Exception:  # the application must not lose its monitoring to a mistake of ours
                logger.exception("the sender begins again")
                self._rest()

    def flush(self, timeout_s: float) -> bool:
        """Wait until the daemon has everything recorded up to now; False where it has not in time."""
        deadline = time.monotonic() + timeout_s
        while not self.books.is_settled and self.is_alive() and time.monotonic() < deadline:
            self._hurry.set()
            time.sleep(0.002)
        return self.books.is_settled

    def end(self, timeout_s: float) -> None:
        """Send no more, and wait for the thread."""
        self._ending = True
        self._hurry.set()
        with suppress(RuntimeError):
            self.join(timeout_s)

    def _converse(self) -> None:
        settings = self._settings
        with connected(settings.ingest_url, _authorization(settings.ingest_token)) as connection:
            connection.send(_encode(IngestHello(protocol=PROTOCOL, source=self._spool.source, library=LIBRARY)))
            line = self._greet(connection)
            self.talking = True
            self._report_lost(line)
            for number, parcel in enumerate(self.books.open, self.books.acknowledged + 1):
                connection.send(parcel.payload(number, self._spool.recorded))
            used = time.thread_time()
            while not self._ending:
                self._send(line)
                used, before = time.thread_time(), used
                pause_s = min(max((used - before) / _SHARE, _SHORTEST_S), _LONGEST_S) if line.busy else _LONGEST_S
                self._listen(line, pause_s)
                self._report_lost(line)
            self._part(line)

    def _greet(self, connection: Connection) -> _Line:
        match _decode(connection.receive(_SILENCE_S) or b""):
            case Welcome(acknowledged=number) as welcome:
                if not self.books.knows(number):
                    raise _OtherHistory("the daemon has another history: this process begins anew in it")
                self.books.settle(number)
                self._say("info", f"sending to {self._settings.ingest_url}")
                now = time.monotonic()
                return _Line(connection, welcome, now, now)
            case Refused(reason=reason):
                raise Denied(reason)
            case other:
                raise ValueError(f"a {type(other).__name__} came where a welcome is due")

    def _send(self, line: _Line) -> None:
        """All that is in the ring, as many batches as may be open."""
        line.busy = False
        while True:
            heartbeat = time.monotonic() - line.spoken > _HEARTBEAT_S
            following = self.books.next_parcel(
                line.welcome.batch_events, line.welcome.batch_bytes - 1024, heartbeat=heartbeat
            )
            if following is None:
                return
            number, parcel = following
            line.connection.send(parcel.payload(number, self._spool.recorded))
            line.spoken = time.monotonic()
            line.busy = True
            if len(self.books.open) == 1:
                line.heard = line.spoken
            if parcel.count < line.welcome.batch_events and not self.books.has_more:
                return

    def _listen(self, line: _Line, pause_s: float) -> None:
        """Let events gather, then hear what came meanwhile: to wake for each acknowledgement would cost more."""
        if self._hurry.wait(pause_s):
            self._hurry.clear()
            pause_s = _SHORTEST_S if self.books.open else 0.0
        else:
            pause_s = 0.0
        message = line.connection.receive(pause_s)
        while message is not None:
            line.heard = time.monotonic()
            self._hear(_decode(message), line)
            message = line.connection.receive(0.0) if line.connection.has_more else None
        if self.books.open and time.monotonic() - line.heard > _SILENCE_S:
            raise OSError("no acknowledgement came in time")

    def _hear(self, message: FromIngest, line: _Line) -> None:
        match message:
            case Ack(number=number):
                self.books.settle(number)
                self._refusals = 0
                self._pause_s = _FIRST_PAUSE_S
            case LostAck(source=source):
                path = line.lost_waiting.pop(source, None)
                if path is not None:
                    path.unlink(missing_ok=True)
            case Refused(reason=reason):
                raise _Unsent(reason)
            case Welcome():
                pass

    def _report_lost(self, line: _Line) -> None:
        """Say what processes of this service had recorded that ended with something unsettled."""
        now = time.monotonic()
        if line.lost_at and now - line.lost_at < _LOST_EVERY_S:
            return
        line.lost_at = now
        for lost, path in ended_processes(self._settings.spool, self._spool.source.service):
            line.lost_waiting[lost.source] = path
            line.connection.send(_encode(lost))

    def _part(self, line: _Line) -> None:
        """At the end: what ended before us should not have to be reported again."""
        deadline = time.monotonic() + _PARTING_S
        while line.lost_waiting and (rest := deadline - time.monotonic()) > 0:
            message = line.connection.receive(rest)
            if message is not None:
                self._hear(_decode(message), line)

    def _refuse(self) -> None:
        """Refused again and again with the same batch first: it is the batch; its events count as dropped."""
        self._refusals += 1
        if self._refusals >= _REFUSALS and self.books.open:
            logger.warning("a batch that the daemon refuses is given up: %s", self._said)
            self.books.spoil_first()
            self._refusals = 0
        self._rest()

    def _rest(self) -> None:
        """Wait a while, longer each time, never in step with other processes."""
        if self.books.ring.drops and not self._told_of_drops:
            self._told_of_drops = True
            logger.warning("events are dropped, and counted, until %s answers", self._settings.ingest_url)
        deadline = time.monotonic() + uniform(0.5, 1.0) * self._pause_s
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
        while not self._ending and (rest := deadline - time.monotonic()) > 0:
            time.sleep(min(rest, _FIRST_PAUSE_S))

    def _say(self, level: str, sentence: str) -> None:
        if sentence != self._said:
            self._said = sentence
            getattr(logger, level)("%s", sentence)


def _authorization(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}
