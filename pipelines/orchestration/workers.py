"""Which runs still have a process that works on them: each holds a lock that the kernel drops when the process ends.

A killed process can tell Dagster nothing: its run would stay `started` for ever, and hold the queue for its tag.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

_IN_PROGRESS = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
GONE = "The process of this run is gone. What it committed stays; run it again, and it goes on from there."


@contextmanager
def at_work(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """While inside, this process is known to work on the run; several may."""
    path = _folder(instance) / run_id
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def fail_abandoned_runs(instance: dg.DagsterInstance) -> tuple[str, ...]:
    """Report as failed every run in progress whose process ended without a word; their ids."""
    abandoned = tuple(path for path in sorted(_folder(instance).iterdir()) if _is_free(path))
    return tuple(path.name for path in abandoned if _fail(instance, path))


def _fail(instance: dg.DagsterInstance, path: Path) -> bool:
    run = instance.get_run_by_id(path.name)
    path.unlink(missing_ok=True)
    if run is None or run.status not in _IN_PROGRESS:
        return False
    instance.report_run_failed(run, GONE)
    return True


def _is_free(path: Path) -> bool:
    try:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _folder(instance: dg.DagsterInstance) -> Path:
    folder = Path(instance.root_directory) / "pgfold-workers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
