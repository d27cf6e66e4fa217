"""Calls per request: how many calls one request became, beside the usual number: one that became fifty is seen."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median_low
from typing import NamedTuple

from daemon.parts import StoredRun
from monitoring.wire import Calls, CallsPerRequest, Event

_TRACES = 10_000
_MOST_CALLS = 1_000  # of one trace
_CALLS = 100_000  # of all
_NAMES = 200
_REMEMBERED = 200  # requests of one name
_LATELY_US = 300 * 1_000_000
_MOST = 10
_KINDS_OF_NO_CALL = frozenset({"semaphore", "config", "host"})


@dataclass(frozen=True, slots=True)
class _Request:
    """One that ended: how many calls, and the call it made most often with how often."""

    at_us: int
    trace_id: str
    calls: int
    most: str
    times: int


class _Call(NamedTuple):
    """One call that a process made with a trace; a tuple, for there is one an event."""

    at_us: int
    kind: str
    name: str
    weight: int


class CallBook:
    """Follows the traces of each process: a request became the calls that ended between its beginning and its end."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us = clock_us
        self._made: OrderedDict[tuple[str, str], deque[_Call]] = OrderedDict()
        self._held = 0
        self._requests: OrderedDict[str, deque[_Request]] = OrderedDict()

    def hear(self, run: StoredRun) -> None:
        """Events that were stored."""
        for event in run.events:
            if event.trace_id is None or event.kind in _KINDS_OF_NO_CALL:
                continue
            key = (event.trace_id, run.label)
            if event.direction == "in" and event.duration_ns is not None:
                self._ended(event, event.duration_ns, key)
            elif event.direction == "out":
                self._called(event, key)
        while len(self._made) > _TRACES or self._held > _CALLS:
            _, forgotten = self._made.popitem(last=False)
            self._held -= len(forgotten)

    def message(self) -> Calls:
        """The requests of the last minutes that became the most calls, one a name."""
        since_us = self._clock_us() - _LATELY_US
        found = []
        for name, requests in self._requests.items():
            lately = [request for request in requests if request.at_us >= since_us]
            if lately:
                found.append(_shown(name, max(lately, key=lambda request: request.calls), requests))
        found.sort(key=lambda shown: -shown.calls)
        return Calls(requests=found[:_MOST])

    def _called(self, event: Event, key: tuple[str, str]) -> None:
        calls = self._made.get(key)
        if calls is None:
            calls = self._made[key] = deque(maxlen=_MOST_CALLS)
        self._held += len(calls) < _MOST_CALLS
        calls.append(_Call(event.at_us, event.kind, event.name, event.weight))

    def _ended(self, event: Event, duration_ns: int, key: tuple[str, str]) -> None:
        """A request was served."""
        began_us = event.at_us - duration_ns // 1000
        made: Counter[str] = Counter()
        for call in self._made.get(key, ()):
            if began_us <= call.at_us <= event.at_us:
                made[f"{call.kind} {call.name}"] += call.weight
        if not made:
            return
        most, times = made.most_common(1)[0]
        requests = self._requests.setdefault(event.name, deque(maxlen=_REMEMBERED))
        requests.append(_Request(event.at_us, key[0], made.total(), most, times))
        self._requests.move_to_end(event.name)
        while len(self._requests) > _NAMES:
            self._requests.popitem(last=False)


def _shown(name: str, worst: _Request, requests: deque[_Request]) -> CallsPerRequest:
    usual = median_low([request.calls for request in requests])
    most = f": {worst.most} {worst.times} times" if worst.times > 1 else ""
    return CallsPerRequest(
        name=name,
        calls=worst.calls,
        usual=usual,
        sentence=f"{worst.calls} calls in one request, usually {usual}{most}",
        trace_id=worst.trace_id,
    )
