"""What a call site costs, beside a bare call, OpenTelemetry's span and prometheus's counter, in the same run."""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import CollectorRegistry, Counter

from bench.ratios import Ratio
from monitoring.recorder import CallSite, Ring, call_site, clock
from monitoring.settings import Rule, Settings
from monitoring.spool import counts_in_memory

_CALLS = 20_000
_ROUNDS = 25
_RING = 1 << 16

count = 0


def run() -> list[str]:
    """Nanoseconds a call, the least of many rounds, without the loop; `done` reads the clock once, its caller once."""
    ring = Ring()
    out = _site(ring, every=250)
    recorded = _site(ring, every=1)
    provider = TracerProvider()
    tracer = provider.get_tracer("bench")
    counter = Counter("bench", "calls", ["kind"], registry=CollectorRegistry())

    def span() -> None:
        with tracer.start_as_current_span("thing.done"):
            pass

    least = _least({
        "nothing": lambda: None,
        "bare": _bare,
        "clock": lambda: clock(),
        "out": lambda: out.done(clock()),
        "recorded": lambda: recorded.done(clock()),
        "prometheus": lambda: counter.labels("redis").inc(),
        "span": span,
    }, ring)  # fmt: skip
    loop = least.pop("nothing")
    return list(_lines({name: taken - loop for name, taken in least.items()} | {"bare": least["bare"] - loop}))


def _lines(ns: dict[str, float]) -> Iterator[str]:
    out, recorded = ns["out"] - ns["clock"], ns["recorded"] - ns["clock"]
    yield f"a bare call with one counter {ns['bare']:.0f} ns, a reading of the clock {ns['clock']:.0f} ns"
    yield f"prometheus labels().inc() {ns['prometheus']:.0f} ns, an OpenTelemetry span {ns['span']:.0f} ns"
    yield str(Ratio("a call site, sampled out", out, 150, unit="ns"))
    yield str(Ratio("a call site, recorded", recorded, 400, unit="ns"))
    yield f"with the reading of the clock before the operation: {ns['out']:.0f} ns and {ns['recorded']:.0f} ns"
    yield str(Ratio("recorded, beside prometheus labels().inc()", ns["recorded"] / ns["prometheus"], 1, unit="x"))
    yield str(Ratio("an OpenTelemetry span, beside it", ns["span"] / ns["recorded"], 10, at_least=True, unit="x"))


def _least(contestants: dict[str, Callable[[], object]], ring: Ring) -> dict[str, float]:
    """Each in turn, many times; a ring that is emptied between rounds, as a sender does."""
    least = dict.fromkeys(contestants, float("inf"))
    for _ in range(_ROUNDS):
        for name, function in contestants.items():
            with _emptied(ring):
                taken = timeit.timeit(function, number=_CALLS) / _CALLS * 1e9
            least[name] = min(least[name], taken)
    return least


@contextmanager
def _emptied(ring: Ring) -> Iterator[None]:
    ring.open(_RING, counts_in_memory())
    yield
    ring.close()


def _bare() -> None:
    global count
    count += 1


def _site(ring: Ring, every: int) -> CallSite:
    return call_site("thing.done", "redis", "out", Rule.LOOKUP, every=every, ring=ring, settings=Settings())
