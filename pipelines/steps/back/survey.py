"""The survey: what the catalog is now, compared with what was recorded, before anything goes home.

What people changed while the fold was in force is named with a remedy; nothing of theirs is dropped for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.drift import Catalogs, drift
from pipelines.core.findings import Finding, error, warning
from pipelines.core.fold import Fold, OutboundKey
from pipelines.core.ledger_rows import FoldStanding, FoldState, TableRole
from pipelines.core.lens import Treatment
from pipelines.core.recorded import Recorded
from pipelines.core.schema import Column, Constraint, Schema, Table, TableName
from pipelines.core.spec import OnConflict, Spec
from pipelines.core.statement import Statement
from pipelines.database import ledger_folds
from pipelines.database.introspection import read_schema
from pipelines.database.named_sql import load_sql
from pipelines.steps import add_columns, added_values, archive, children
from pipelines.steps.back import bystanders
from pipelines.steps.back.bystanders import InboundKey
from pipelines.steps.rebuild import rebuild_fold
from pipelines.steps.rows import firing
from pipelines.steps.rows.capture import regclass
from pipelines.steps.rows.firing import Firing
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.back", "survey.sql")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a rollback must know of the catalog as it is.

    `leaving` are added columns that nobody else uses, `staying` those that another fold takes over; `not_null` target
    columns that are NOT NULL again, `staying_null` those that another fold needs without; `extra` columns that the
    target got since, `firing` triggers that never sleep. `shared`: another fold is on its way to the same target.
    `guarded` are the sources' foreign keys that a key of the target keeps true as long as no row differs.
    """

    findings: tuple[Finding, ...]
    leaving: tuple[str, ...] = ()
    staying: tuple[str, ...] = ()
    not_null: tuple[str, ...] = ()
    staying_null: tuple[str, ...] = ()
    extra: tuple[Column, ...] = ()
    inbound: tuple[InboundKey, ...] = ()
    firing: tuple[Firing, ...] = ()
    shared: bool = False
    guarded: frozenset[Constraint] = frozenset()


def survey(session: Session, fold: Fold, recorded: Recorded, *, archived: bool = True) -> Survey:
    """Read the catalog and the ledger; `archived` says that the sources stand in their archive."""
    others = _others(session, fold)
    used = {added.name for spec in others for added in spec.add_columns}
    kept_null = {name for spec in others for name in spec.drop_not_null}
    added = tuple(dict.fromkeys((*(a.name for a in fold.added), *recorded.added_columns)))
    dropped = tuple(dict.fromkeys((*fold.dropped_not_null, *recorded.dropped_not_null)))
    now = read_schema(session.connection, _names(fold))
    target = now.table(fold.lens.target.name)
    findings = [*drift(Catalogs(fold, now, archived)), *_later_folds(session, fold)]
    leaving = tuple(name for name in added if name not in used and target is not None and target.column(name))
    findings += _redefined(session, recorded)
    if target is not None:
        findings += _dependents(session, fold, leaving)
    if archived:
        findings += _names_taken(session, fold, now)
    present = tuple(table for table in now.tables if table in _written(fold))
    return Survey(
        tuple(findings),
        leaving,
        tuple(name for name in added if name in used),
        tuple(n for n in dropped if n not in kept_null and target is not None and target.column(n)),
        tuple(name for name in dropped if name in kept_null),
        _extra(fold, target.columns if target else ()),
        bystanders.inbound_keys(session, fold.lens.target.name) if target else (),
        firing.firing(session, present) if present else (),
        any(state.standing is FoldStanding.FOLDING for state in _of_the_same_target(session, fold)),
        frozenset(_guarded(fold, target)) if target else frozenset(),
    )


def _names(fold: Fold) -> tuple[TableName, ...]:
    outside = (key.constraint.references for key in fold.outbound)
    parents = [name for name in outside if name is not None and name not in fold.spec.source_names]
    archived = [fold.archived(table.name) for table in fold.lens.archived]
    return tuple(dict.fromkeys((fold.lens.target.name, *fold.children, *parents, *archived, *fold.spec.source_names)))


def _written(fold: Fold) -> set[TableName]:
    return {fold.lens.target.name, *fold.children, *(fold.archived(table.name) for table in fold.lens.archived)}


def _guarded(fold: Fold, target: Table) -> Iterator[Constraint]:
    """A row that stayed behind is in no target, so there nothing kept its key."""
    followed = (Treatment.SAME, Treatment.CAST, Treatment.REFERENCE)
    behind = {source.name for source in fold.lens.sources if source.spec.on_conflict is OnConflict.SKIP}
    sources = {source.name: source for source in fold.lens.sources if source.name not in behind}
    for key in fold.outbound:
        source = sources.get(key.constraint.table)
        rules = [source.rule(name) for name in key.constraint.columns] if source else []
        columns = tuple(r.place.column for r in rules if r.place and not r.place.path and r.treatment in followed)
        if rules and len(columns) == len(rules) and any(_keeps(k, columns, key) for k in target.foreign_keys):
            yield key.constraint


def _keeps(found: Constraint, columns: tuple[str, ...], key: OutboundKey) -> bool:
    same = (found.columns, found.references, found.references_columns)
    return same == (columns, key.references, key.references_columns) and found.validated and found.enforced


def _extra(fold: Fold, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    known = {column.name for column in fold.lens.target.columns}
    return tuple(column for column in columns if column.name not in known and not column.generated)


def _others(session: Session, fold: Fold) -> tuple[Spec, ...]:
    """The specs of other folds of the same target that are under way or in force."""
    states = _of_the_same_target(session, fold)
    found = (ledger_folds.load_recorded(session.connection, state.name) for state in states)
    return tuple(rebuild_fold(recorded).spec for recorded in found if recorded is not None)


def _of_the_same_target(session: Session, fold: Fold) -> tuple[FoldState, ...]:
    target = fold.lens.target.name
    states = ledger_folds.folds_on_table(session.connection, target, besides=fold.name)
    return tuple(state for state in states if state.target == target)


def _later_folds(session: Session, fold: Fold) -> Iterator[Finding]:
    """A fold that built on this one is undone first: it recorded the target as this one left it."""
    own = ledger_folds.fold_state(session.connection, fold.name)
    for table in dict.fromkeys((fold.lens.target.name, *fold.children)):
        for state in ledger_folds.folds_on_table(session.connection, table, besides=fold.name):
            if _builds_on(own, state, fold, table):
                message = f"{state.name} was folded after {fold.name} and uses {table}"
                yield error("later_fold", str(table), message, f"undo it first: pgfold rollback {state.name}")


def _builds_on(own: FoldState, other: FoldState, fold: Fold, table: TableName) -> bool:
    takes = table in (*other.tables_of(TableRole.SOURCE), *other.tables_of(TableRole.EMPTY))
    if table != fold.lens.target.name:
        return other.in_force and takes
    if other.cut_over_at is None or own.cut_over_at is None:
        return other.in_force and takes
    return other.in_force and other.cut_over_at > own.cut_over_at and (takes or other.target == table)


def _dependents(session: Session, fold: Fold, leaving: tuple[str, ...]) -> Iterator[Finding]:
    target = fold.lens.target.name
    ours = [add_columns.check_name(target, name) for name in leaving]
    ours += [added_values.not_null_name(target, name) for name in leaving]
    ours += [children.remade_name(fold, key) for key in fold.outbound if key.remade]
    query = sql.SQL(_SQL["column_dependents"]).format(
        table=sql.Literal(regclass(target)),
        columns=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(list(leaving))),
        ours=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(ours)),
    )
    for column, dependent in session.rows(Statement(f"read what uses the added columns of {target}", query)):
        what = dependent.removeprefix("rule _RETURN on ").replace("default value for column", "generated column")
        message = f"{what} uses {column}, which leaves {target} with {fold.name}"
        yield error("column_in_use", f"{target}.{column}", message, "drop it first; it can be made again after a fold")


def _redefined(session: Session, recorded: Recorded) -> Iterator[Finding]:
    """Functions of the spec's expressions that are not what they were: rows would look edited, or come back wrong."""
    ours = [function for function in recorded.functions if function.digest]
    query = sql.SQL(_SQL["redefined"]).format(
        names=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal([function.name for function in ours])),
        digests=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal([function.digest for function in ours])),
    )
    for name, gone in session.rows(Statement("see whether functions were redefined", query)) if ours else ():
        message = f"function {name}, which the spec calls, was {'dropped' if gone else 'redefined'} since the fold"
        yield error("function_changed", name, message, "define it again as it was; afterwards it may be changed")


def _names_taken(session: Session, fold: Fold, now: Schema) -> Iterator[Finding]:
    """Of tables, and of what moves with them: indexes, sequences and types have names in the schema too."""
    for table in fold.lens.archived:
        if now.table(fold.archived(table.name)) is None:
            continue
        query = sql.SQL(_SQL["names_taken"]).format(
            archived=sql.Literal(regclass(fold.archived(table.name))), schema=sql.Literal(table.name.schema)
        )
        for kind, name in session.rows(Statement(f"see whether the place of {table.name} is free", query)):
            taken = TableName(table.name.schema, name)
            message = (
                f"{kind} {taken} has the name of {'what moves with ' if name != table.name.name else ''}{table.name}"
            )
            yield error("name_taken", str(taken), message, "rename it, or move it to another schema")


def map_is_followed(session: Session, fold: Fold) -> Iterator[Finding]:
    """Whether the triggers that keep the row map true are as the cut-over made them."""
    if not fold.lens.sources:
        return
    names = [f"{trigger}_{fold.name}" for trigger in (archive.KEY_TRIGGER, archive.KEYS_TRIGGER)]
    query = sql.SQL(_SQL["followed"]).format(
        table=sql.Literal(regclass(fold.lens.target.name)),
        names=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(names)),
    )
    (awake,) = session.one(Statement("see whether changed keys were followed", query))
    if awake < len(names):
        target = fold.lens.target.name
        message = f"the triggers {' and '.join(names)} of {target} were dropped or disabled"
        remedy = f"a row of {target} whose key was changed meanwhile counts as deleted; see that there is none"
        yield warning("keys_not_followed", str(target), message, remedy)
