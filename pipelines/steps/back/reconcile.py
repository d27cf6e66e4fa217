"""reconcile: what would go home, column by column, and what stands in the way; computed, and not applied.

`prepare` makes temporary tables, `look` fills them and judges, in whatever transaction the caller has. So the verdict
of a dry look, in a transaction that only reads, is what a rollback finds under its locks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.drift import is_lost
from pipelines.core.findings import Finding
from pipelines.core.fold import Fold
from pipelines.core.reconciliation import (
    Blocked,
    Blocking,
    EditedColumn,
    Obstacles,
    RollbackOptions,
    Verdict,
    too_many_deleted,
)
from pipelines.core.schema import Constraint, TableName
from pipelines.core.statement import Statement
from pipelines.core.wording import counted, number
from pipelines.database.named_sql import load_sql
from pipelines.steps.back import attempts, bystanders, children_back, hindrances, home_values, homeward
from pipelines.steps.back.bystanders import InboundKey
from pipelines.steps.back.hindrances import Hindrance
from pipelines.steps.back.home_rules import foreign_keys, value_rules
from pipelines.steps.back.homeward import Homeward
from pipelines.steps.back.lock_time import estimate_lock_s
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.back", "reconcile.sql")


@dataclass(frozen=True, slots=True)
class Reconcile:
    """What is looked at: the sources, the keys that reference the target now, and the NOT NULLs that come back.

    `guarded` are the sources' keys that a key of the target kept true meanwhile.
    """

    fold: Fold
    options: RollbackOptions
    homes: tuple[Homeward, ...]
    inbound: tuple[InboundKey, ...]
    dropped_not_null: tuple[str, ...] = ()
    guarded: frozenset[Constraint] = frozenset()

    @property
    def by_name(self) -> dict[TableName, Homeward]:
        """The sources by their own names."""
        return {home.source.name: home for home in self.homes}


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of one source: those in its row map, and of them those that differ."""

    mapped: int
    edited: int
    deleted: int
    born: int


def reconcile(session: Session, step: Reconcile, findings: Sequence[Finding] = ()) -> Verdict:
    """A dry look, in one REPEATABLE READ READ ONLY transaction; only temporary tables are written."""
    with session.transaction():
        session.execute_all(prepare(step))
    try:
        with session.transaction():
            session.execute(Statement("read one state of everything", sql.SQL(_SQL["only_read"])))
            return look(session, step, findings)
    finally:
        tidy(session, step)


def prepare(step: Reconcile) -> Iterator[Statement]:
    """Temporary tables and functions; those of an earlier look are replaced."""
    yield from hindrances.create()
    yield from attempts.read_documents()
    for home in step.homes:
        yield from homeward.create(home)
        yield from home_values.make_attempts(home)


def tidy(session: Session, step: Reconcile) -> None:
    """Drop the temporary tables, unless the connection is gone, and they with it."""
    if not session.connection.closed and not session.connection.broken:
        session.execute_all([*(homeward.drop(home) for home in step.homes), hindrances.drop()])


def look(session: Session, step: Reconcile, findings: Sequence[Finding] = ()) -> Verdict:
    """Fill the tables and judge every row; with --set-aside, what can be set aside is set aside in them."""
    return look_closely(session, step, findings)[0]


def look_closely(
    session: Session, step: Reconcile, findings: Sequence[Finding] = ()
) -> tuple[Verdict, tuple[Hindrance, ...]]:
    """The same, and what was looked for, by the numbers in the table of what was found.

    Where the catalog has lost what rows are read from, that is the whole verdict.
    """
    if is_lost(findings):
        return Verdict(findings=tuple(findings)), ()
    for home in step.homes:
        session.execute_all(homeward.fill(home))
        session.execute_all(home_values.take_back(home))
    return judge(session, step, findings)


def judge(session: Session, step: Reconcile, findings: Sequence[Finding]) -> tuple[Verdict, tuple[Hindrance, ...]]:
    """The same, where the rows that differ are known already."""
    looked = [h for home in step.homes for h in (*value_rules(home), *foreign_keys(home, step.by_name, step.guarded))]
    _judge_values(session, step, looked)
    others = [*bystanders.hindrances(step.fold, step.by_name, step.inbound, step.dropped_not_null)]
    for repoint in step.fold.repoints:
        others += children_back.unfollowed(step.fold, step.by_name[repoint.source], repoint)
    for place, hindrance in enumerate(others, len(looked)):
        session.execute(hindrances.find(place, hindrance))
    looked += others
    if step.options.set_aside:
        looked += _set_rows_aside(session, step, len(looked))
    obstacles = (*hindrances.found(session, looked, aside=False), *_deleted(session, step))
    aside = hindrances.found(session, looked, aside=True)
    return _verdict(session, step, obstacles, aside, findings), tuple(looked)


def look_before(
    session: Session, step: Reconcile, findings: Sequence[Finding] = ()
) -> tuple[Verdict, tuple[Hindrance, ...]]:
    """Before a cut-over only the target's own rows can stand in the way."""
    if is_lost(findings):
        return Verdict(findings=tuple(findings)), ()
    looked = [bystanders.null(step.fold, name, before=True) for name in step.dropped_not_null]
    for place, hindrance in enumerate(looked):
        session.execute(hindrances.find(place, hindrance))
    if step.options.set_aside:
        looked += _set_rows_aside(session, step, len(looked))
    obstacles = hindrances.found(session, looked, aside=False)
    return _verdict(session, step, obstacles, hindrances.found(session, looked, aside=True), findings), tuple(looked)


def _judge_values(session: Session, step: Reconcile, looked: Sequence[Hindrance]) -> None:
    """Look once; with --set-aside again until nothing more can be set aside: each time fewer values are edited."""
    while True:
        session.execute(hindrances.clear())
        for place, hindrance in enumerate(looked):
            session.execute(hindrances.find(place, hindrance))
        if not step.options.set_aside or not sum(session.execute(home_values.set_aside(h)) for h in step.homes):
            return
        for home in step.homes:
            session.execute_all(home_values.compute(home))


def _set_rows_aside(session: Session, step: Reconcile, first: int) -> list[Hindrance]:
    """Rows in the way, and whatever references them, and so on."""
    session.execute(hindrances.set_rows_aside())
    followed: list[Hindrance] = []
    while True:
        keys = [key for table in _tables_aside(session) for key in bystanders.inbound_keys(session, table)]
        new = [bystanders.of_aside(key) for key in keys]
        if not sum(session.execute(hindrances.find(first + len(followed) + n, h)) for n, h in enumerate(new)):
            return followed
        session.execute(hindrances.set_rows_aside())
        followed += new


def _tables_aside(session: Session) -> list[TableName]:
    query = sql.SQL(_SQL["tables_aside"]).format(found=hindrances.FOUND)
    return [TableName(schema, name) for schema, name in session.rows(Statement("name the tables of rows aside", query))]


def _deleted(session: Session, step: Reconcile) -> Iterator[Obstacles]:
    """More deleted rows than anybody may have meant."""
    if step.options.accept_deletes or step.options.to_backup:
        return
    for home in step.homes:
        counts = count(session, home)
        if too_many_deleted(counts.deleted, counts.mapped):
            target = step.fold.lens.target.name
            reason = f"{number(counts.deleted)} of {counted(counts.mapped, 'row')} that came from {home.source.name}"
            reason += f" {'is' if counts.deleted == 1 else 'are'} gone from {target}"
            remedy = f"--accept-deletes deletes them in {home.source.name} too; --to backup brings them back"
            yield Obstacles(counts.deleted, (Blocked(target, (), reason, remedy, Blocking.DELETED),))


def count(session: Session, home: Homeward) -> Counts:
    """The rows of one source."""
    query = sql.SQL(_SQL["count"]).format(
        home=home.table, map=home.row_map, fate=home.at("fate"), written=home.is_written()
    )
    return Counts(*session.one(Statement(f"count the rows of {home.source.name}", query)))


def _verdict(
    session: Session,
    step: Reconcile,
    obstacles: tuple[Obstacles, ...],
    aside: tuple[Obstacles, ...],
    findings: Sequence[Finding],
) -> Verdict:
    counts = [count(session, home) for home in step.homes]
    mapped, edited = sum(c.mapped for c in counts), sum(c.edited for c in counts)
    deleted, born = sum(c.deleted for c in counts), sum(c.born for c in counts)
    return Verdict(
        obstacles,
        aside,
        unchanged=mapped - edited - deleted - born,
        edited_rows=edited,
        edited=tuple(column for home in step.homes for column in _edited(session, home)),
        deleted=deleted,
        born=born,
        findings=tuple(findings),
        lock_estimate_s=estimate_lock_s(step.fold, mapped, edited + deleted + born),
    )


def _edited(session: Session, home: Homeward) -> Iterator[EditedColumn]:
    query = sql.SQL(_SQL["edited"]).format(
        home=home.table, edited=home.at("edited"), aside=home.at("aside"), fate=home.at("fate")
    )
    for name, rows in session.rows(Statement(f"count the edits of {home.source.name}", query)):
        yield EditedColumn(home.source.name, name, rows)
