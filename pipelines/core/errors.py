"""
PgfoldError
├── SpecError              the spec or the command line is wrong            exit 2
├── Refused                preflight or a blocked rollback; nothing touched exit 3
├── ApprovalNeeded         the next step waits for a person                 exit 4
└── StepFailed             a step stopped                                   exit 1
    ├── Transient          a rerun goes on
    │   ├── ConnectionLost     the server or the way to it went away
    │   ├── LockNotAvailable   no lock within lock_wait; nothing has changed
    │   ├── WritersOutrun      rows change faster than they can be replayed; nothing has changed
    │   ├── CaptureBroken      a write may have escaped the change capture; nothing has changed
    │   └── AlreadyRunning     another run holds this consolidation or table
    ├── RowsDiffer         the proof failed
    ├── RuleViolated       the target's own rules do not hold for the rows
    ├── BackupDamaged      a backup does not give back what it says
    ├── StateUnknown       pgfold's records and the database do not agree
    └── DatabaseError      the server refused a statement
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pipelines.core.findings import Finding


class PgfoldError(Exception):
    """Any error of ours; its text is one clear message that names the object and the remedy."""

    exit_status: ClassVar[int] = 1


class SpecError(PgfoldError):
    """The spec or the command line is wrong; `findings` lists every mistake with its line in the file `file_label`."""

    exit_status = 2

    def __init__(self, message: str, findings: Iterable[Finding] = (), file_label: str = "defs.yaml") -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.file_label = file_label


class Refused(PgfoldError):
    """Nothing was touched; `findings` lists every reason at once."""

    exit_status = 3

    def __init__(self, message: str, findings: Iterable[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class ApprovalNeeded(PgfoldError):
    """The next step waits for a person's approval of a plan, named by its hash."""

    exit_status = 4


class StepFailed(PgfoldError):
    """A step stopped; everything is as it was, or a rerun goes on."""


class Transient(StepFailed):
    """A passing trouble: a rerun goes on."""


class ConnectionLost(Transient):
    """The server, or the way to it, went away."""


class LockNotAvailable(Transient):
    """No lock was had within lock_wait; nothing has changed."""


class WritersOutrun(Transient):
    """The sources are written faster than the fold can follow; nothing has changed."""


class CaptureBroken(Transient):
    """A write to a source may have escaped the change capture; nothing has changed, and a rerun looks for it."""


class AlreadyRunning(Transient):
    """Another run holds this consolidation or one of its tables."""


class RowsDiffer(StepFailed):
    """Rows do not read back equal through the inverse."""


class RuleViolated(StepFailed):
    """A rule of the target does not hold for the mapped rows."""


class BackupDamaged(StepFailed):
    """A backup is incomplete, altered, or does not give back what its manifest says."""


class StateUnknown(StepFailed):
    """What pgfold recorded and what the database holds do not agree."""


class DatabaseError(StepFailed):
    """The server refused a statement; the message names the statement's purpose and the server's reason."""
