"""Which functions an expression calls, read from the node tree that the server itself makes of it.

Names in the text would not do: they depend on search_path, operators and casts hide functions, and pg_depend has no
entries for the built-in ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.rows import args_row, scalar_row

from pipelines.core.errors import DatabaseError, Refused, SpecError
from pipelines.core.schema import Column, FunctionFacts, TableName
from pipelines.database.catalog import AnyConnection, fetch
from pipelines.database.named_sql import load_sql

# In a node tree a blank inside a name is escaped, so text of a user's can never look like one of these fields.
_FUNCTION = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
_VALUE_FUNCTION = re.compile(r"\{SQLVALUEFUNCTION :op (\d+)")
_IO_TARGET = re.compile(r":resulttype (\d+) ")
_ANY_TYPE = re.compile(r":(?:[a-z]+type|type|array_typeid|row_typeid) (\d+) ")
_ONE_ROW = re.compile(r":(hasAggs|hasWindowFuncs|hasTargetSRFs) (true|false)")

# The order of enum SQLValueFunctionOp (primnodes.h); all are stable.
_VALUE_FUNCTIONS = (
    "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIME",
    "LOCALTIMESTAMP", "LOCALTIMESTAMP", "CURRENT_ROLE", "CURRENT_USER", "USER", "SESSION_USER", "CURRENT_CATALOG",
    "CURRENT_SCHEMA",
)  # fmt: skip
_MANY_ROWS = {
    "hasAggs": "an aggregate",
    "hasWindowFuncs": "a window function",
    "hasTargetSRFs": "a function that returns a set",
}


@dataclass(frozen=True, slots=True)
class FunctionRow:
    """A function by its oid."""

    oid: int
    name: str
    volatility: str
    digest: str


@dataclass(frozen=True, slots=True)
class ViewTree:
    """The tree of a view's query and how many columns it has."""

    tree: str
    columns: int


def function_oids(tree: str) -> frozenset[int]:
    """The functions that a node tree calls by name, operator or cast."""
    return frozenset(int(oid) for oid in _FUNCTION.findall(tree)) - {0}


def read_functions(connection: AnyConnection, oids: Iterable[int]) -> Mapping[int, FunctionFacts]:
    """Volatility and digest of each function."""
    wanted = sorted(set(oids))
    rows = fetch(connection, "introspection.sql", "functions", FunctionRow, {"functions": wanted}) if wanted else []
    return {row.oid: FunctionFacts(row.name, row.volatility, row.digest) for row in rows}


def expression_volatility(
    connection: AnyConnection,
    table: TableName,
    expression: str | sql.Composable,
    *,
    alias: str | None = None,
    added: Iterable[Column] = (),
) -> tuple[FunctionFacts, ...]:
    """Every function that `expression` calls over a row of `table`, each once, ordered by its qualified name.

    The row is known as `alias` (default: the table's name) and has the `added` columns too, which the table need not
    have yet. Names resolve by the session's search_path. Where values are converted by text (`timestamptz::text`),
    the output functions of all types in the expression count as called. How: a temporary view is made and rolled
    back. Nothing runs and nothing stays, but a transaction that the caller has open must not be read-only.

    Raises:
        SpecError: the server cannot read the expression, or it is not one value a row; the server's reason is named.
        Refused: the role may make no temporary view; the GRANT is named.
        DatabaseError: the caller's transaction is read-only.
    """
    text = expression.as_string(connection) if isinstance(expression, sql.Composable) else expression
    try:
        with connection.transaction(force_rollback=True):
            _create_view(connection, table, text, alias or table.name, tuple(added))
            connection.execute(load_sql("pipelines.database", "introspection.sql")["settings"])
            view = _read_view(connection)
            _require_one_value(view, text, table)
            return _called(connection, view.tree)
    except psycopg.errors.ReadOnlySqlTransaction as error:
        raise DatabaseError(
            "an expression's functions cannot be read in a read-only transaction: read them before it begins"
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise _denied(connection, error, text, table) from error
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.NotSupportedError) as error:
        raise SpecError(_unreadable(error, text, table)) from error


def _create_view(connection: AnyConnection, table: TableName, text: str, alias: str, added: tuple[Column, ...]) -> None:
    extra = sql.SQL("").join(
        sql.SQL(", NULL::{} AS {}").format(sql.SQL(column.type.bare or column.type.sql), column.identifier)
        for column in added
    )
    row = sql.SQL("(SELECT r.*{} FROM {} AS r)").format(extra, table.identifier) if added else table.identifier
    view = sql.SQL("CREATE TEMPORARY VIEW pgfold_expression AS SELECT (\n{}\n) AS value FROM {} AS {}").format(
        sql.SQL(text), row, sql.Identifier(alias)
    )
    # binary: the extended protocol takes one statement only, whatever the text holds.
    connection.execute(view, binary=True)


def _read_view(connection: AnyConnection) -> ViewTree:
    with connection.cursor(row_factory=args_row(ViewTree)) as cursor:
        found = cursor.execute(load_sql("pipelines.database", "expressions.sql")["view_tree"]).fetchone()
    assert found is not None  # made in this transaction
    return found


def _require_one_value(view: ViewTree, text: str, table: TableName) -> None:
    """The first flags, and the last set operation, are the outermost query's; a subquery may do as it likes."""
    _, _, outermost = view.tree.rpartition(":setOperations ")
    if view.columns != 1 or not outermost.startswith("<>"):
        raise SpecError(f"{text!r} over {table} is not one expression")
    for flag, what in _MANY_ROWS.items():
        first = next((value for name, value in _ONE_ROW.findall(view.tree) if name == flag), "false")
        if first == "true":
            raise SpecError(f"expression {text!r} over {table} calls {what}: it must give one value for each row")


def _called(connection: AnyConnection, tree: str) -> tuple[FunctionFacts, ...]:
    oids = function_oids(tree) | _conversion_oids(connection, tree)
    named = read_functions(connection, oids).values()
    special = {FunctionFacts(_VALUE_FUNCTIONS[int(op)], "s") for op in _VALUE_FUNCTION.findall(tree)}
    return tuple(sorted({*named, *special}, key=lambda function: function.name))


def _conversion_oids(connection: AnyConnection, tree: str) -> frozenset[int]:
    """The input and output functions that conversions by text may call; none where there is no such conversion."""
    if "{COERCEVIAIO " not in tree:
        return frozenset()
    parameters = {
        "targets": sorted({int(oid) for oid in _IO_TARGET.findall(tree)}),
        "sources": sorted({int(oid) for oid in _ANY_TYPE.findall(tree)}),
    }
    block = load_sql("pipelines.database", "expressions.sql")["conversions"]
    with connection.cursor(row_factory=scalar_row) as cursor:
        return frozenset(cursor.execute(block, parameters))


def _denied(connection: AnyConnection, error: psycopg.Error, text: str, table: TableName) -> Refused:
    with connection.cursor(row_factory=scalar_row) as cursor:
        grant = cursor.execute(load_sql("pipelines.database", "expressions.sql")["temporary_grant"]).fetchone()
    if grant is not None:
        return Refused(f"the functions of {text!r} cannot be read: this role may make no temporary view: run {grant}")
    return Refused(_unreadable(error, text, table))


def _unreadable(error: psycopg.Error, text: str, table: TableName) -> str:
    reason = error.diag.message_primary or str(error)
    hint = f" ({error.diag.message_hint})" if error.diag.message_hint else ""
    return f"expression {text!r} over {table}: {reason}{hint}"
