"""The id that ties the calls of one request together: a W3C trace id, carried by context, headers, threads and tasks.

https://www.w3.org/TR/trace-context/ gives the form of `traceparent`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import wraps
from hashlib import blake2b
from itertools import count
from random import getrandbits
from typing import Any, ParamSpec, TypeVar

TRACEPARENT = "traceparent"
CORRELATION_ID = "X-Correlation-ID"

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")
_PLAIN_VERSION = "00"
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_LONGEST_ID = 256

P = ParamSpec("P")
R = TypeVar("R")

TraceRef = str | int
"""A trace as it is carried: its id, or the number that the id is spelled from where somebody needs it."""

_DIGITS = 128
_SPREAD = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd: no two numbers become the same id
_MASK = (1 << _DIGITS) - 1

_trace: ContextVar[TraceRef | None] = ContextVar("pgfold_trace", default=None)
_numbers = count(getrandbits(_DIGITS))

carried_trace = _trace.get
"""The trace of the request that runs here, as it is carried; None outside of any."""

enter_trace = _trace.set
"""Make this the trace of the current context; `leave_trace` goes back."""

leave_trace = _trace.reset
"""Go back to the trace before `enter_trace`, in the same context."""


def next_trace() -> int:
    """A new trace, not yet spelled: a fraction of the cost of an id, and most requests are not recorded."""
    return next(_numbers)


def spell_trace(trace: TraceRef) -> str:
    """The id of a trace, 32 hexadecimal digits."""
    return trace if isinstance(trace, str) else f"{trace * _SPREAD & _MASK or 1:032x}"


def begin_other_traces() -> None:
    """After a fork: the child must not give out its parent's ids."""
    global _numbers
    _numbers = count(getrandbits(_DIGITS))


def current_trace_id() -> str | None:
    """The trace id of the request that runs here, None outside of any."""
    trace = carried_trace()
    return None if trace is None else spell_trace(trace)


def new_trace_id() -> str:
    """A trace id, 32 hexadecimal digits, never all zero."""
    return spell_trace(next_trace())


@contextmanager
def trace(trace_id: str | None = None) -> Iterator[str]:
    """Everything within belongs to this request: the given one, else the current one, else a new one."""
    here = (as_trace_id(trace_id) if trace_id else None) or current_trace_id() or new_trace_id()
    token = enter_trace(here)
    try:
        yield here
    finally:
        leave_trace(token)


def traced(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function, or coroutine function, that answers a request: it runs in the current trace or a new one."""
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def run_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            with trace():
                return await function(*args, **kwargs)

        return run_async  # type: ignore[return-value]  # R is the coroutine's type

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with trace():
            return function(*args, **kwargs)

    return run


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """The function, bound to the trace of here, for a thread or a callback; tasks carry it by themselves."""
    context = copy_context()

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        # A copy a call: a context cannot be entered by two threads at once.
        return context.copy().run(function, *args, **kwargs)

    return run


class CarryingExecutor(ThreadPoolExecutor):
    """A thread pool whose calls run in the trace that they were submitted from."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """As the standard library's, in a copy of the caller's context."""
        return super().submit(carry(fn), *args, **kwargs)


def read_trace_id(headers: Mapping[str, str]) -> str | None:
    """The trace id in a request's headers: of `traceparent` where it is well formed, else of `X-Correlation-ID`."""
    parent = _header(headers, TRACEPARENT)
    match = _TRACEPARENT.fullmatch(parent.strip()) if parent else None
    if match is not None and (match[2] is None or not match[0].startswith(_PLAIN_VERSION)):
        return match[1]
    given = _header(headers, CORRELATION_ID)
    return as_trace_id(given) if given else None


def as_trace_id(correlation_id: str) -> str | None:
    """A correlation id as a trace id: its 32 digits, a UUID's, else 32 digits made from its text, always the same."""
    text = correlation_id.strip()[:_LONGEST_ID]
    digits = text.replace("-", "").lower()
    if _TRACE_ID.fullmatch(digits):
        return digits
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest() if text else None


def trace_headers() -> dict[str, str]:
    """The headers that carry the current trace to another service; empty outside of any."""
    trace_id = current_trace_id()
    if trace_id is None:
        return {}
    return {TRACEPARENT: f"00-{trace_id}-{getrandbits(64) or 1:016x}-01", CORRELATION_ID: trace_id}


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return headers.get(name) or headers.get(name.lower())
