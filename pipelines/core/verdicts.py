"""The report's short answers: its title, was anything lost, how long the lock, what is lossy, can it be undone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.mapping_words import column_count, lossy_columns
from pipelines.core.report import Report, Status, Undo
from pipelines.core.wording import capitalized, clock, counted, duration, number, number_word, period, short_hash


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer; a `status` of None is a plain number that is neither good nor bad."""

    question: str
    answer: str
    sentence: str
    status: Status | None


def verdicts(report: Report) -> tuple[Verdict, ...]:
    """The four that open the report."""
    return (result(report), lock_window(report), lossy(report), undone(report))


def title(report: Report) -> str:
    """`Three issue tables are now one`."""
    archived = len(report.fold.lens.archived)
    tables = capitalized(f"{number_word(archived + 1)} {_noun(report.fold.name)}tables")
    match report.standing:
        case FoldStanding.FOLDED | FoldStanding.DROPPED:
            return f"{tables} are now one"
        case FoldStanding.NONE | FoldStanding.FOLDING:
            return f"{tables} are to become one"
        case FoldStanding.ROLLED_BACK:
            return f"{tables} are {number_word(archived + 1)} again"


def subtitle(report: Report) -> str:
    """When, which run and plan, by whom, and what ran."""
    run = report.run
    when = period(run.started_at, run.finished_at, report.zone)
    ids = f"Run {_short_id(run.id)}, plan {_short_id(run.plan_hash)}, by {run.by}"
    ran = f"PostgreSQL {report.versions.postgres}, pgfold {report.versions.pgfold}"
    return f"Fold {report.fold.name}, {when}. {ids}, {ran}"


def result(report: Report) -> Verdict:
    """Whether every source row reads back equal."""
    question, proof = "Result", report.proof
    if proof is None or proof.equal is None:
        return Verdict(question, "Not proven", "The rows were not compared.", Status.UNKNOWN)
    compared = f"{number(proof.equal)} of {counted(proof.rows, 'source row')} read back equal."
    if proof.equal < proof.rows:
        return Verdict(question, f"{counted(proof.rows - proof.equal, 'row')} differ", compared, Status.FAILED)
    if any(line.status is Status.FAILED for line in report.checks):
        count = sum(line.status is Status.FAILED for line in report.checks)
        return Verdict(question, f"{counted(count, 'check')} failed", compared, Status.FAILED)
    return Verdict(question, "Nothing lost", compared, Status.OK)


def lock_window(report: Report) -> Verdict:
    """How long the cut-over held its locks."""
    question, lock = "Lock window", report.lock
    planned = [] if lock.planned_s is None else [f"Planned about {duration(lock.planned_s)}."]
    waited = [] if lock.longest_wait_s is None else [f"The longest wait of others was {duration(lock.longest_wait_s)}."]
    if lock.took_s is None:
        return Verdict(question, "Not locked", " ".join([*planned, "No cut-over was measured."]), Status.UNKNOWN)
    return Verdict(question, duration(lock.took_s), " ".join([*planned, *waited]), None)


def lossy(report: Report) -> Verdict:
    """How many columns have no inverse."""
    count, columns = len(lossy_columns(report.fold.lens)), column_count(report.fold.lens)
    if not count:
        return Verdict("Lossy", f"0 of {counted(columns, 'column')}", "Every column has an inverse.", Status.OK)
    gone = report.standing is FoldStanding.DROPPED
    places = "the sealed backup" if gone else "the archive and the sealed backup"
    whose = "Its exact values stay" if count == 1 else "Their exact values stay"
    return Verdict("Lossy", f"{count} of {counted(columns, 'column')}", f"{whose} in {places}.", Status.WARN)


def undone(report: Report) -> Verdict:
    """Whether it can be undone now."""
    question, undo = "Can be undone", report.undo
    if undo is None:
        return Verdict(question, "Not computed", "The reconciliation has not been computed.", Status.UNKNOWN)
    if not undo.possible:
        stand = "stands" if undo.in_the_way == 1 else "stand"
        return Verdict(question, "No", f"{counted(undo.in_the_way, 'row')} {stand} in the way.", Status.FAILED)
    return Verdict(question, "Yes", f"{_edits(undo)} No deadline.", Status.OK)


def undo_headline(undo: Undo) -> str:
    """`Yes, 2 rows edited since`."""
    if not undo.possible:
        return f"No, {counted(undo.in_the_way, 'row')} in the way"
    return f"Yes, {counted(undo.edited, 'row')} edited since" if undo.edited else "Yes, no row edited since"


def undo_sentence(report: Report, undo: Undo) -> str:
    """When it was computed, and how many rows are of each kind."""
    counts = f"{counted(undo.unchanged, 'row')} unchanged, {number(undo.deleted)} deleted, "
    counts += f"{number(undo.in_the_way)} in the way."
    lock = "" if undo.lock_s is None else f" Lock about {duration(undo.lock_s)}."
    return f"Computed {clock(undo.computed_at, report.zone)} on the rows as they were then. {counts}{lock}"


def _edits(undo: Undo) -> str:
    match undo.edited:
        case 0:
            return "No row was edited since."
        case 1:
            return "1 row edited since; it keeps its edit."
        case 2:
            return "2 rows edited since; both keep their edits."
        case more:
            return f"{number(more)} rows edited since; all keep their edits."


# Words whose singular is theirs without the s: no `statuses`, `boxes`, `branches`, `entries`.
_PLURAL = re.compile(r"[a-z]{2,}(?<![su])(?<!se)(?<!xe)(?<!ze)(?<!che)(?<!she)(?<!ie)s", re.ASCII)


def _noun(name: str) -> str:
    """`issue ` of a fold that is named issues, nothing where its name is no plain plural."""
    return f"{name[:-1]} " if _PLURAL.fullmatch(name) else ""


def _short_id(text: str) -> str:
    return text[:6] if len(short_hash(text)) < len(text) or len(text) == 36 else text
