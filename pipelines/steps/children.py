"""Children: keys that referenced a source reference the target from the cut-over on."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names
from pipelines.core.expression import Expression, trusted
from pipelines.core.expression import column as column_of
from pipelines.core.fold import ChildChange, ChildColumn, Fold, OutboundKey, Repoint, RuleChange
from pipelines.core.lens_rules import substitute
from pipelines.core.relations import identifiers, joined
from pipelines.core.schema import Action, Constraint, TableKind, TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql

_SQL = load_sql("pipelines.steps", "children.sql")

ACTIONS = {
    Action.NO_ACTION: "NO ACTION",
    Action.RESTRICT: "RESTRICT",
    Action.CASCADE: "CASCADE",
    Action.SET_NULL: "SET NULL",
    Action.SET_DEFAULT: "SET DEFAULT",
}


def drop_keys(fold: Fold) -> Iterator[Statement]:
    """Every foreign key that the fold replaces: of children, of sources, and those whose rules change."""
    constraints = [r.constraint for r in fold.repoints if r.constraint is not None]
    constraints += [key.constraint for key in fold.outbound]
    constraints += [change.constraint for change in fold.rule_changes]
    for constraint in dict.fromkeys(constraints):
        yield drop_key(constraint, constraint.table)


def drop_key(constraint: Constraint, table: TableName) -> Statement:
    """Drop a foreign key from `table`, where its table stands at the moment."""
    return Statement(
        f"drop foreign key {constraint.name} of {constraint.table}",
        sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
            table.identifier, sql.Identifier(constraint.name)
        ),
    )


def follow(fold: Fold) -> Iterator[Statement]:
    """Children's values go where their rows went, in the type that the target's key has."""
    for repoint in fold.repoints:
        match repoint.change:
            case ChildChange.NONE:
                continue
            case ChildChange.VALUES:
                yield _update(repoint)
            case ChildChange.TYPE:
                for number, column in enumerate(repoint.columns, 1):
                    yield from _change_type(fold, repoint, column, number)


def _update(repoint: Repoint) -> Statement:
    moved = [c for c in repoint.columns if c.forward is not None]
    return Statement(
        f"follow the keys of {repoint.child}",
        sql.SQL(_SQL["update_values"]).format(
            child=repoint.child.identifier,
            changes=joined(sql.SQL("{} = {}").format(c.column.identifier, _value(c.forward, c).on("t")) for c in moved),
            any_value=joined((sql.SQL("{} IS NOT NULL").format(c.column.identifier) for c in moved), " OR "),
        ),
    )


def _value(expression: Expression | None, column: ChildColumn) -> Expression:
    assert expression is not None
    return substitute(expression, column_of(column.column.name))


def _change_type(fold: Fold, repoint: Repoint, column: ChildColumn, number: int) -> Iterator[Statement]:
    if column.forward is None:
        return
    function = function_name(fold, repoint, number, "follow")
    yield make_function(function, column.forward, column.column.type.sql, column.type.sql)
    if column.column.default is not None:
        yield Statement(
            f"drop the default of {repoint.child}.{column.column.name}",
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT").format(
                repoint.child.identifier, column.column.identifier
            ),
        )
    yield change_type(repoint.child, column.column.name, column.type.sql, function)
    yield Statement(f"drop {function}", sql.SQL("DROP FUNCTION {}").format(function.identifier))


def make_function(function: TableName, expression: Expression, given: str, wanted: str) -> Statement:
    """A function over the row map: USING takes no subquery."""
    read = substitute(expression, Expression((sql.SQL("$1"),)))
    body = sql.SQL("SELECT ({})::{}").format(read.on("t"), trusted(wanted)).as_string(None)
    return Statement(
        f"make {function}, which follows a key",
        sql.SQL(_SQL["make_function"]).format(
            function=function.identifier, given=trusted(given), wanted=trusted(wanted), body=sql.Literal(body)
        ),
    )


def change_type(table: TableName, column: str, type_sql: str, function: TableName) -> Statement:
    """Rewrite the column in its new type, keeping its position, grants, comments and statistics target."""
    return Statement(
        f"change {table}.{column} to {type_sql}",
        sql.SQL("ALTER TABLE {} ALTER COLUMN {} TYPE {} USING {}({})").format(
            table.identifier, sql.Identifier(column), trusted(type_sql), function.identifier, sql.Identifier(column)
        ),
    )


def function_name(fold: Fold, repoint: Repoint, number: int, prefix: str) -> TableName:
    """A name of its own for each column of each child."""
    index = fold.repoints.index(repoint)
    return TableName(names.OWN_SCHEMA, f"{prefix}_{fold.name}_{index}_{number}")


def make_keys(fold: Fold) -> Iterator[Statement]:
    """The foreign keys that take the old ones' place; not validated, so that no row is read under the lock."""
    for repoint in fold.repoints:
        if repoint.constrained:
            yield make_key(fold, repoint)
    for key in fold.outbound:
        if key.remade:
            yield _remake(fold, key)
    for change in fold.rule_changes:
        yield _change_rule(fold, change)


def make_key(fold: Fold, repoint: Repoint) -> Statement:
    """One child's key to the target, under its old name."""
    old = repoint.constraint
    return _add(
        fold,
        repoint.child,
        repoint_name(repoint),
        tuple(c.column.name for c in repoint.columns),
        fold.lens.target.name,
        tuple(c.to for c in repoint.columns),
        (repoint.on_delete, repoint.on_update),
        old,
    )


def repoint_name(repoint: Repoint) -> str:
    """The name of the key of a child to the target: its old one."""
    if repoint.constraint is not None:
        return repoint.constraint.name
    return f"{repoint.child.name[:30]}_{repoint.columns[0].column.name[:20]}_fkey"


def _remake(fold: Fold, key: OutboundKey) -> Statement:
    assert key.references is not None
    c = key.constraint
    return _add(fold, fold.lens.target.name, remade_name(fold, key), key.remade, key.references,
                key.references_columns, (c.on_delete, c.on_update), c)  # fmt: skip


def remade_name(fold: Fold, key: OutboundKey) -> str:
    """The name on the target of a source's own key."""
    return f"{fold.lens.target.name.name[:20]}_{key.constraint.name[:28]}_pgfold"


def _change_rule(fold: Fold, change: RuleChange) -> Statement:
    c = change.constraint
    assert c.references is not None
    return _add(fold, c.table, c.name, c.columns, c.references, c.references_columns,
                (change.on_delete, change.on_update), c)  # fmt: skip


def _add(
    fold: Fold,
    table: TableName,
    name: str,
    columns: tuple[str, ...],
    references: TableName,
    references_columns: tuple[str, ...],
    actions: tuple[Action, Action],
    old: Constraint | None,
) -> Statement:
    return Statement(
        f"let {table} ({', '.join(columns)}) reference {references}",
        sql.SQL(_SQL["add_key"]).format(
            table=table.identifier,
            name=sql.Identifier(name),
            columns=identifiers(columns),
            references=references.identifier,
            references_columns=identifiers(references_columns),
            match=trusted(" MATCH FULL" if old and old.match_full else ""),
            on_delete=trusted(ACTIONS[actions[0]]),
            on_update=trusted(ACTIONS[actions[1]]),
            deferrable=trusted(_deferrable(old)),
            not_valid=trusted(" NOT VALID" if may_be_not_valid(fold, table) else ""),
        ),
    )


def _deferrable(old: Constraint | None) -> str:
    if old is None or not old.deferrable:
        return ""
    return " DEFERRABLE INITIALLY DEFERRED" if old.deferred else " DEFERRABLE"


def may_be_not_valid(fold: Fold, table: TableName) -> bool:
    """A partitioned table takes a foreign key that is not validated only from PostgreSQL 18 on."""
    found = fold.schema.table(table)
    partitioned = found is not None and found.kind is TableKind.PARTITIONED
    return not partitioned or fold.schema.server.version >= 180000


def validate_keys(fold: Fold) -> Iterator[Statement]:
    """Read the rows that the new keys speak of, under a lock that lets everybody write."""
    for table, name in made_keys(fold):
        yield Statement(
            f"validate foreign key {name} of {table}",
            sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(table.identifier, sql.Identifier(name)),
        )


def made_keys(fold: Fold) -> Iterator[tuple[TableName, str]]:
    """Table and name of every key that the fold makes, except those that were never valid."""
    for repoint in fold.repoints:
        if repoint.constrained and (repoint.constraint is None or repoint.constraint.validated):
            yield repoint.child, repoint_name(repoint)
    for key in fold.outbound:
        if key.remade and key.constraint.validated:
            yield fold.lens.target.name, remade_name(fold, key)
    for change in fold.rule_changes:
        if change.constraint.validated:
            yield change.constraint.table, change.constraint.name


def comment_keys(fold: Fold) -> Iterator[Statement]:
    """A foreign key's comment goes with its name."""
    for repoint in fold.repoints:
        if repoint.constraint and repoint.constraint.comment:
            yield comment_key(repoint.constraint, repoint.child)
    for change in fold.rule_changes:
        if change.constraint.comment:
            yield comment_key(change.constraint, change.constraint.table)


def comment_key(constraint: Constraint, table: TableName) -> Statement:
    """Say again what was said about a constraint."""
    return Statement(
        f"comment on foreign key {constraint.name}",
        sql.SQL("COMMENT ON CONSTRAINT {} ON {} IS {}").format(
            sql.Identifier(constraint.name), table.identifier, sql.Literal(constraint.comment)
        ),
    )
