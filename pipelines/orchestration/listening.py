"""Who hears how a run goes: the terminal that started it, or else Dagster's own log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pipelines import watching
from pipelines.watching import Told

Listener = Callable[[Told], None]

# Dagster executes a run's steps in the thread that asked for them, so a context variable reaches them.
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """While inside, what runs in this thread tells `listener`."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def tell(told: Told) -> None:
    """Tell whoever listens: the dashboard, and the terminal, which is not there where Dagster started the run."""
    watching.hear(told)
    listener = _LISTENER.get()
    if listener is not None:
        listener(told)
