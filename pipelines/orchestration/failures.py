"""Errors of ours become Dagster failures that say what a person should know, and nothing of our insides."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.core.errors import PgfoldError, Refused, SpecError, Transient
from pipelines.core.findings import Finding
from pipelines.database.connection import redact
from pipelines.orchestration.listening import tell
from pipelines.orchestration.run_shell import raise_keyboard_interrupts


@contextmanager
def failures_told() -> Iterator[None]:
    """Around a step: its errors are told to whoever listens, then reported to Dagster.

    An interrupt reaches the step as KeyboardInterrupt, on which the driver cancels the statement that runs: else the
    server would go on with it, and hold its locks, after the process has gone.

    Raises:
        dagster.Failure: with the error's message, and its findings as a table.
    """
    try:
        with raise_keyboard_interrupts():
            yield
    except KeyboardInterrupt as interrupt:
        tell(interrupt)
        raise
    except PgfoldError as error:
        tell(error)
        raise failure_of(error) from None


def failure_of(error: PgfoldError) -> dg.Failure:
    """What Dagster shows of an error; one that passes by itself may be retried."""
    found = error.findings if isinstance(error, SpecError | Refused) else ()
    metadata = {"findings": findings_table(found)} if found else None
    return dg.Failure(redact(str(error)), metadata=metadata, allow_retries=isinstance(error, Transient))


def findings_table(findings: tuple[Finding, ...]) -> dg.TableMetadataValue:
    """One line a finding."""
    records = [
        dg.TableRecord(
            {
                "severity": finding.severity.value,
                "object": finding.object,
                "line": finding.spec_line or "",
                "message": finding.message,
                "remedy": finding.remedy,
            }
        )
        for finding in findings
    ]
    columns = ("severity", "object", "line", "message", "remedy")
    return dg.MetadataValue.table(records, dg.TableSchema([dg.TableColumn(name) for name in columns]))
