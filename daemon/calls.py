"""Calls per request: how many calls one request became, beside the usual number: one that became fifty is seen."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median_low

from daemon.parts import StoredRun
from monitoring.wire import Calls, CallsPerRequest, Event

_OPEN_TRACES = 20_000  # requests whose end has not come
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


@dataclass(slots=True)
class _Open:
    """The calls of a request so far, by kind and name."""

    calls: Counter[str] = field(default_factory=Counter)


class CallBook:
    """Follows traces: calls are counted until the event of the request itself, which ends last, is heard."""

    def __init__(self, clock_us: Callable[[], int]) -> None:
        self._clock_us = clock_us
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._requests: OrderedDict[str, deque[_Request]] = OrderedDict()

    def hear(self, run: StoredRun) -> None:
        """Events that were stored."""
        for event in run.events:
            if event.trace_id is None or event.kind in _KINDS_OF_NO_CALL:
                continue
            if event.direction == "in":
                self._ended(event, event.trace_id)
            elif event.direction == "out":
                self._called(event, event.trace_id)
        while len(self._open) > _OPEN_TRACES:
            self._open.popitem(last=False)

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

    def _called(self, event: Event, trace_id: str) -> None:
        traced = self._open.get(trace_id)
        if traced is None:
            traced = self._open[trace_id] = _Open()
        traced.calls[f"{event.kind} {event.name}"] += event.weight

    def _ended(self, event: Event, trace_id: str) -> None:
        """An event of direction in that has a duration is a request that was served."""
        if event.duration_ns is None:
            return
        traced = self._open.pop(trace_id, None) or _Open()
        most, times = max(traced.calls.items(), key=lambda item: item[1], default=("", 0))
        requests = self._requests.setdefault(event.name, deque(maxlen=_REMEMBERED))
        requests.append(_Request(event.at_us, trace_id, traced.calls.total(), most, times))
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
