"""What a person is told when a command fails: what it was, what to do, and where the details are."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from pipelines.core.errors import PgfoldError, Refused, SpecError
from pipelines.core.plan_text import findings_lines
from pipelines.core.reconciliation import RollbackBlocked
from pipelines.core.undo_text import undo_lines
from pipelines.core.wording import visible
from pipelines.database.connection import redact
from pipelines.database.failures import explain
from pipelines.settings import Settings
from pipelines.steps.loading import FILE
from pipelines.terminal import Terminal

_LOG = "errors.log"


def tell_failure(error: Exception, asked: argparse.Namespace, settings: Settings | None) -> int:
    """Say it on standard error; the exit status. `settings` is None where they could not be read."""
    url = settings.database_url if settings else asked.database_url
    with Terminal(sys.stderr) as terminal:
        for line in _lines(_known(error, asked.command), asked, settings, terminal.width):
            terminal.say_all(visible(redact(line, url), keep="\n").split("\n"))
    return error.exit_status if isinstance(error, PgfoldError) else 1


def _known(error: Exception, command: str) -> Exception:
    """The driver's errors as one of ours: not every statement has a purpose of its own to name."""
    return explain(f"pgfold {command}", error) if isinstance(error, psycopg.Error) else error


def _lines(error: Exception, asked: argparse.Namespace, settings: Settings | None, width: int) -> Iterator[str]:
    match error:
        case SpecError() if error.findings:
            yield str(error).splitlines()[0]
            yield from findings_lines(error.findings, error.file_label, width)
        case RollbackBlocked():
            yield from undo_lines(error.fold, error.verdict, width)
        case Refused():
            yield str(error)
            yield from findings_lines(error.findings, _file_name(asked), width)
            if settings is not None and settings.database_url is None and asked.command not in ("demo", "up"):
                yield f"This is about the embedded database in {settings.embedded}: DATABASE_URL is not set."
        case PgfoldError():
            yield str(error)
        case OSError():
            yield _system_error(error)
        case _:
            yield from _unforeseen(error, asked, settings)


def _file_name(asked: argparse.Namespace) -> str:
    """The file that a finding's line is in, as `pgfold plan` calls it."""
    given = Path(getattr(asked, "spec", None) or FILE)
    return given.name if given.is_file() else FILE


def _system_error(error: OSError) -> str:
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return f"{what}: make room or give access, or set PGFOLD_HOME to another folder; then run it again"


def _unforeseen(error: Exception, asked: argparse.Namespace, settings: Settings | None) -> Iterator[str]:
    """A mistake of pgfold's own: its details are for who mends it, not for who sees it."""
    said = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
    yield f"pgfold {asked.command} met an error it does not know: {said}"
    yield f"What was committed stays; pgfold status says where everything stands. Details: {_written(error, settings)}"


def _written(error: Exception, settings: Settings | None) -> str:
    """Where its traceback was added to: the log of our folder, else a new file for temporary use."""
    url = settings.database_url if settings else os.environ.get("DATABASE_URL")
    text = redact("".join(traceback.format_exception(error)), url)
    try:
        return _append(settings.folder / ".pgfold" if settings else Path(tempfile.mkdtemp(prefix="pgfold-")), text)
    except OSError:
        return _append(Path(tempfile.mkdtemp(prefix="pgfold-")), text)


def _append(folder: Path, text: str) -> str:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _LOG
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{text}\n")
    return str(path)
