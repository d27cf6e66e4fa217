"""The report's short answers: its title, was anything lost, how long the lock, what is lossy, can it be undone."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.core.findings import errors
from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.mapping_words import column_count, lossy_columns
from pipelines.core.reconciliation import Verdict
from pipelines.core.report import Report, Status
from pipelines.core.wording import capitalized, counted, duration, listed, number, number_word, period, short_hash


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; a `status` of None is a plain number that is neither good nor bad."""

    question: str
    answer: str
    sentence: str
    status: Status | None


def answers(report: Report) -> tuple[Answer, ...]:
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


def result(report: Report) -> Answer:
    """Whether every source row reads back equal."""
    question, read_back = "Result", report.read_back
    if read_back is None:
        return Answer(question, "Not proven", "The rows were not compared.", Status.UNKNOWN)
    compared = f"{number(read_back.equal)} of {counted(read_back.rows, 'source row')} read back equal."
    failed = sum(line.status is Status.FAILED for line in report.checks)
    if read_back.equal < read_back.rows:
        differing = read_back.rows - read_back.equal
        said = f"{counted(differing, 'row')} {'differs' if differing == 1 else 'differ'}"
        return Answer(question, said, compared, Status.FAILED)
    if failed:
        return Answer(question, f"{counted(failed, 'check')} failed", compared, Status.FAILED)
    damaged = sum(line.restored is not None and line.restored != line.saved.digest for line in report.hashes)
    if damaged:
        said = f"{counted(damaged, 'table')} restored {'differs' if damaged == 1 else 'differ'}"
        return Answer(question, said, compared, Status.FAILED)
    return Answer(question, "Nothing lost", compared, Status.OK)


def lock_window(report: Report) -> Answer:
    """How long the cut-over held its locks."""
    question, lock = "Lock window", report.lock
    planned = [] if lock.planned_s is None else [f"Planned about {duration(lock.planned_s)}."]
    waited = [] if lock.longest_wait_s is None else [f"The longest wait of others was {duration(lock.longest_wait_s)}."]
    if lock.took_s is None:
        return Answer(question, "Not locked", " ".join([*planned, "No cut-over was measured."]), Status.UNKNOWN)
    return Answer(question, duration(lock.took_s), " ".join([*planned, *waited]), None)


def lossy(report: Report) -> Answer:
    """How many columns have no inverse."""
    count, columns = len(lossy_columns(report.fold.lens)), column_count(report.fold.lens)
    if not count:
        return Answer("Lossy", f"0 of {counted(columns, 'column')}", "Every column has an inverse.", Status.OK)
    gone = report.standing is FoldStanding.DROPPED
    places = "the sealed backup" if gone else "the archive and the sealed backup"
    whose = "Its exact values stay" if count == 1 else "Their exact values stay"
    return Answer("Lossy", f"{count} of {counted(columns, 'column')}", f"{whose} in {places}.", Status.WARN)


def undone(report: Report) -> Answer:
    """Whether it can be undone now."""
    question, undo = "Can be undone", report.undo
    if undo is None:
        return Answer(question, "Not computed", "The reconciliation has not been computed.", Status.UNKNOWN)
    if not undo.verdict.can_be_undone:
        return Answer(question, "No", f"{capitalized(in_the_way(undo.verdict))}.", Status.FAILED)
    return Answer(question, "Yes", f"{_edits(undo.verdict.edited_rows)} No deadline.", Status.OK)


def in_the_way(verdict: Verdict) -> str:
    """`2 rows stand in the way`; findings about the catalog count too."""
    found = len(errors(verdict.findings))
    kinds = ((verdict.blocked_rows, "row"), (found, "finding"))
    said = listed(counted(count, noun) for count, noun in kinds if count)
    return f"{said} {'stands' if verdict.blocked_rows + found == 1 else 'stand'} in the way"


def undo_headline(verdict: Verdict) -> str:
    """`Yes, 2 rows edited since`."""
    if not verdict.can_be_undone:
        return f"No, {in_the_way(verdict)}"
    edited = verdict.edited_rows
    return f"Yes, {counted(edited, 'row')} edited since" if edited else "Yes, no row edited since"


def undo_counts(verdict: Verdict) -> str:
    """How many rows are of each kind, and how long others would wait."""
    deleted = f"{number(verdict.deleted)} deleted"
    born = f", {number(verdict.born)} inserted" if verdict.born else ""
    named = ", ".join(f"{edited.column} ({number(edited.rows)})" for edited in verdict.edited)
    edited = f"{number(verdict.edited_rows)} edited{f': {named}' if named else ''}"
    lock = f" Lock about {duration(verdict.lock_estimate_s)}." if verdict.lock_estimate_s else ""
    return f"{counted(verdict.unchanged, 'row')} unchanged, {deleted}{born}, {edited}.{lock}"


def _edits(rows: int) -> str:
    match rows:
        case 0:
            return "No row was edited since."
        case 1:
            return "1 row edited since; it keeps its edit."
        case 2:
            return "2 rows edited since; both keep their edits."
        case _:
            return f"{counted(rows, 'row')} edited since; all keep their edits."


# Words whose singular is theirs without the s: no `statuses`, `boxes`, `branches`, `entries`.
_PLURAL = re.compile(r"[a-z]{2,}(?<![su])(?<!se)(?<!xe)(?<!ze)(?<!che)(?<!she)(?<!ie)s", re.ASCII)


def _noun(name: str) -> str:
    """`issue ` of a fold that is named issues, nothing where its name is no plain plural."""
    return f"{name[:-1]} " if _PLURAL.fullmatch(name) else ""


def _short_id(text: str) -> str:
    return text[:6] if len(short_hash(text)) < len(text) or len(text) == 36 else text
