"""Errors of ours become Dagster failures that say what a person should know, and nothing of our insides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import psycopg

from pipelines import watching
from pipelines.core.errors import PgfoldError, Refused, SpecError, StepFailed, Transient
from pipelines.core.findings import Finding, Severity
from pipelines.database.connection import redact
from pipelines.database.failures import explain
from pipelines.orchestration.listening import tell
from pipelines.orchestration.metadata import table
from pipelines.orchestration.run_shell import raise_keyboard_interrupts
from pipelines.steps.surroundings import Surroundings


@contextmanager
def failures_told(surroundings: Surroundings, fold: str, step: str) -> Iterator[None]:
    """Around a step: that it begins and its errors are told to whoever listens, then these are reported to Dagster.

    An interrupt reaches the step as KeyboardInterrupt, on which the driver cancels the statement that runs: else the
    server would go on with it, and hold its locks, after the process has gone.

    Raises:
        dagster.Failure: with the error's message, and its findings as a table.
    """
    watching.begin(surroundings, fold, step)
    try:
        with raise_keyboard_interrupts():
            yield
    except KeyboardInterrupt as interrupt:
        tell(interrupt)
        raise
    except PgfoldError as error:
        tell(error)
        raise failure_of(error) from None
    except (psycopg.Error, OSError) as error:
        known = _known(error)
        tell(known)
        raise failure_of(known) from error


def _known(error: psycopg.Error | OSError) -> PgfoldError:
    """What the driver or the machine raised where no statement or file has a purpose of its own to name."""
    if isinstance(error, psycopg.Error):
        return explain("a statement of the step failed", error)
    said = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return StepFailed(f"{said}: make room or give access, then run it again to go on")


def failure_of(error: PgfoldError) -> dg.Failure:
    """What Dagster shows of an error; one that passes by itself may be retried."""
    found = error.findings if isinstance(error, SpecError | Refused) else ()
    metadata = {"findings": findings_table(found)} if found else None
    return dg.Failure(redact(str(error)), metadata=metadata, allow_retries=isinstance(error, Transient))


def findings_table(findings: tuple[Finding, ...]) -> dg.TableMetadataValue:
    """One line a finding; the page cuts a wide table, so what matters stands first."""
    found = [(_said(finding), finding.remedy, finding.spec_line or "") for finding in findings]
    return table({"found": "string", "what to do": "string", "line": "string"}, found)


def _said(finding: Finding) -> str:
    return finding.message if finding.severity is Severity.ERROR else f"{finding.severity}: {finding.message}"
