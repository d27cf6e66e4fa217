"""The report: what happened in a fold, as evidence that an auditor can read. `report_html` writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from pipelines.core.checks import Check
from pipelines.core.digest import Digest
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.lens import Lens
from pipelines.core.manifest import SavedTable
from pipelines.core.mapping_words import MappingFacts, lossy_columns
from pipelines.core.reconciliation import Verdict
from pipelines.core.schema import TableName
from pipelines.core.wording import number


class Status(StrEnum):
    """How a thing stands; what nobody measured is unknown, never ok."""

    OK = "ok"
    WARN = "warn"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReportRun:
    """The run that it is about; `by` is who started it, times are aware UTC."""

    id: str
    plan_hash: str
    by: str
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Versions:
    """What ran: `17.6`, `0.4.0`."""

    postgres: str
    pgfold: str


@dataclass(frozen=True, slots=True)
class ReadBack:
    """How many source rows were compared, and how many of them read back equal."""

    rows: int
    equal: int


@dataclass(frozen=True, slots=True)
class LockWindow:
    """How long the cut-over held its locks, was planned to, and made others wait at most; None: not measured."""

    took_s: float | None = None
    planned_s: float | None = None
    longest_wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check as the report lists it; `over` and `found` are words with numbers."""

    sentence: str
    over: str
    found: str
    took_s: float | None
    status: Status
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One source column of one row; values are in the server's output form, None for NULL.

    `place` is None where the column has none. `read_back` is what the inverse gives, or the archive where the column
    is lossy (`from_archive`).
    """

    column: str
    before: str | None
    place: str | None
    after: str | None
    read_back: str | None
    lossy: bool = False
    from_archive: bool = False

    @property
    def equal(self) -> bool:
        """Whether it is back as it was."""
        return self.before == self.read_back


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row, there and back."""

    source: TableName
    key: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class TableHash:
    """What the backup holds of a table; `restored` is the digest of what it gave back, None where nobody tried."""

    saved: SavedTable
    restored: Digest | None


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a step took."""

    step: str
    sentence: str
    took_s: float


@dataclass(frozen=True, slots=True)
class Edit:
    """A value that was edited since the cut-over: `home_value` is what it becomes in the source's `home_column`."""

    row: str
    column: str
    was: str | None
    now: str | None
    home_column: str
    home_value: str | None


@dataclass(frozen=True, slots=True)
class Undo:
    """The reconciliation as it was computed at that time, not applied; `edits` may be the first of more."""

    computed_at: datetime
    verdict: Verdict
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the report shows.

    `spec_label` is the spec's path as a person knows it, `zone` the one that times are shown in. The first of `samples`
    is shown in full, the others further down. An `undo` of None was not computed.
    """

    fold: Fold
    facts: MappingFacts
    standing: FoldStanding
    run: ReportRun
    versions: Versions
    spec_label: str
    read_back: ReadBack | None = None
    lock: LockWindow = LockWindow()
    checks: tuple[CheckLine, ...] = ()
    samples: tuple[SampleRow, ...] = ()
    hashes: tuple[TableHash, ...] = ()
    timings: tuple[Timing, ...] = ()
    undo: Undo | None = None
    zone: tzinfo = UTC

    @property
    def mapping_facts(self) -> MappingFacts:
        """The facts of the mapping as it stands now."""
        return replace(self.facts, kept_in=kept_in(self.standing))


def kept_in(standing: FoldStanding) -> str:
    """Where the exact values of lossy columns are."""
    return "the sealed backup" if standing is FoldStanding.DROPPED else "the archive"


_FOUND = {
    "read_back": "differ",
    "in_target": "differ",
    "backup_restores": "differ",
    "orphans": "orphans",
    "rules": "violations",
    "swept": "missed",
}
_NUMBERED = re.compile(r"_[0-9]+$", re.ASCII)


def check_line(check: Check) -> CheckLine:
    """A check in words; one that failed without being blocking is a warning."""
    status = Status.OK if check.passed else Status.FAILED if check.blocking else Status.WARN
    noun = _FOUND.get(_NUMBERED.sub("", check.name), "found")
    found = f"{number(check.found)} {noun}"
    return CheckLine(check.sentence, number(check.over), found, check.took_s, status, check.details)


def lossy_line(lens: Lens, standing: FoldStanding) -> CheckLine | None:
    """The line of the checks that names the columns without an inverse; None where there is none."""
    columns = lossy_columns(lens)
    if not columns:
        return None
    sentence = f"Columns without an inverse, exact values kept in {kept_in(standing)}"
    return CheckLine(sentence, ", ".join(columns), f"{number(len(columns))} lossy", None, Status.WARN)
