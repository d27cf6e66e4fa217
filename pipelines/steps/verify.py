"""verify: every staged row reads back equal, nothing is missing, and the target's own rules hold for what comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.checks import Check, failed
from pipelines.core.findings import errors
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.names import Keeping
from pipelines.core.relations import Relation
from pipelines.core.rule_check import RuleCheck
from pipelines.core.rules import rule_checks
from pipelines.core.source_rules import source_checks
from pipelines.core.statement import Statement
from pipelines.steps.proving import run_checks
from pipelines.steps.rows import conflicts, keeping_tables, mapping, proof
from pipelines.steps.rows.catch_up import catch_up
from pipelines.steps.session import Session


@dataclass(frozen=True, slots=True)
class Verify:
    """What is proven before the cut-over."""

    fold: Fold
    refold: bool = False


def statements(step: Verify) -> Iterator[Statement]:
    """The SQL, in order; catch-up passes come before it, once or more."""
    for source in step.fold.lens.sources:
        yield from keeping_tables.index_staging(step.fold, source)
        yield from conflicts.index_values(step.fold, source)
    yield from conflicts.statements(step.fold)
    for source in step.fold.lens.sources:
        yield proof.count_staged(step.fold, source, refold=step.refold)


def apply(step: Verify, session: Session) -> tuple[Check, ...]:
    """Catch up, then look at every row; a failed check is an answer, not an error."""
    for source in step.fold.lens.sources:
        session.execute_all(keeping_tables.index_staging(step.fold, source))
        session.execute_all(conflicts.index_values(step.fold, source))
    read_back = _read_back(step, session)
    if not failed(read_back):
        return (*read_back, *rules_check(step, session))
    # A write that escaped the capture is no fault of the lens: such a row is equal once it is staged again.
    noted = [session.execute(proof.note_staged(step.fold, s, refold=step.refold)) for s in step.fold.lens.sources]
    again = _read_back(step, session)
    escaped = (_escaped(s, n - check.found) for s, n, check in zip(step.fold.lens.sources, noted, again, strict=True))
    return (*again, *(check for check in escaped if check.found > 0), *rules_check(step, session))


def _escaped(source: SourceLens, rows: int) -> Check:
    """Rows that are equal since they were staged again: told, for whoever wrote them, and stopping nothing."""
    was = "row was" if rows == 1 else "rows were"
    sentence = f"{rows} {was} staged again: a write to {source.name} had escaped the capture"
    return Check(f"captured_{source.number}", sentence, False, rows, rows, 0.0, blocking=False)


def _read_back(step: Verify, session: Session) -> tuple[Check, ...]:
    catch_up(step.fold, session, refold=step.refold)
    conflicts.decide(step.fold, session)
    return tuple(read_back_check(step, source, session) for source in step.fold.lens.sources)


def rules_check(step: Verify, session: Session) -> Iterator[Check]:
    """The target's own rules against staged and live rows together, and that children find their rows."""
    fold = step.fold
    rows = {source.number: staged_relation(fold, source) for source in fold.lens.sources}
    live = Relation(fold.lens.target.name.identifier, frozenset(c.name for c in fold.lens.target.columns))
    yield _run(session, "rules", f"The rules of {fold.lens.target.name} hold", rule_checks(fold, rows, live))
    yield _run(session, "orphans", "Every child finds its row, every value its counterpart", source_checks(fold))


def _run(session: Session, name: str, sentence: str, checks: tuple[RuleCheck, ...]) -> Check:
    started = session.now()
    found = errors(run_checks(session.connection, checks))
    took_s = (session.now() - started).total_seconds()
    told = found[0].message if found else sentence
    return Check(name, told, not found, len(checks), len(found), took_s, details=tuple(f.message for f in found))


def read_back_check(step: Verify, source: SourceLens, session: Session) -> Check:
    """The lens law on every staged row of one source."""
    started = session.now()
    looked, alone, differing = session.one(proof.count_staged(step.fold, source, refold=step.refold))
    details = () if not alone and not differing else _details(step, source, session)
    wrong = alone + differing
    sentence = (
        f"Every row of {source.name} reads back equal through the inverse"
        if not wrong
        else f"{wrong} of {looked} rows of {source.name} do not read back equal"
    )
    took_s = (session.now() - started).total_seconds()
    return Check(f"read_back_{source.number}", sentence, not wrong, looked, wrong, took_s, details=details)


def _details(step: Verify, source: SourceLens, session: Session) -> tuple[str, ...]:
    differing = proof.staged_differences(step.fold, source, refold=step.refold)
    rows = session.rows(differing) if source.proven else []
    told = [
        f"{', '.join(key)}: column {column}: {was} became {became}{_why(source, column, became)}"
        for key, column, was, became in rows
    ]
    alone = session.rows(proof.staged_alone(step.fold, source, refold=step.refold))
    told += [f"{', '.join(key)}: {'no longer in the source' if left else 'not staged'}" for key, left in alone]
    return tuple(told[: proof.SHOWN])


def _why(source: SourceLens, column: str, became: str) -> str:
    """A reference follows its row; it is lost where that row has none in the target."""
    if became != "NULL" or not source.rule(column).reads_row_map:
        return ""
    return ", since the row it references stays behind (on_conflict: skip): change what that row has in common first"


def staged_relation(fold: Fold, source: SourceLens) -> Relation:
    """The staged rows, without those that stay behind and those written since, which are looked at when replayed."""
    keys = relations.staging_keys(fold.lens, source)
    query = sql.SQL("(SELECT * FROM {} g WHERE NOT g.{} AND {})").format(
        names.keeping(Keeping.STAGED, fold.name, source.name).identifier,
        keeping_tables.skip_column(fold),
        mapping.unchanged(fold, source, "g", keys),
    )
    return Relation(query, frozenset(c.name for c in fold.lens.target.columns))
