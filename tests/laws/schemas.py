"""Tables as a test draws them: columns under awkward names, keys, rules, references, rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.schema import TableName
from tests.laws.values import Kind

Row = Mapping[str, str | None]  # column -> input text; a column that is missing gets its default

# Names that some statement uses as an alias, that need quotes, or that stand for something in a template.
NAMES = (
    "a", "b", "name", "s", "t", "h", "m", "o", "c", "x", "d", "state", "kept", "forwards", "value", "key", "row", "v0",
    "order", "Mixed Case", "dotted.name", 'quo"ted', "per%cent", "ünï", "home id", "source key 1", "t1", "s1", "k1",
    "id_alone", "ctid_", "p", "g", "f", "e", "i", "r", "found", "n" * 63, "{braced}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `default` is a value's input text, `generated` an expression over other columns."""

    name: str
    kind: Kind
    not_null: bool = False
    default: str | None = None
    drawn: sql.SQL | None = None  # a default that is another one each time
    generated: sql.Composed | None = None

    @property
    def identifier(self) -> sql.Identifier:
        """Quoted."""
        return sql.Identifier(self.name)

    def definition(self) -> sql.Composed:
        """As CREATE TABLE takes it."""
        parts: list[sql.Composable] = [self.identifier, self.kind.type_sql]
        if self.generated is not None:
            parts.append(sql.SQL("GENERATED ALWAYS AS ({}) STORED").format(self.generated))
        elif self.drawn is not None:
            parts.append(self.drawn)
        elif self.default is not None:
            parts.append(sql.SQL("DEFAULT {}").format(self.kind.literal(self.default)))
        if self.not_null:
            parts.append(sql.SQL("NOT NULL"))
        return sql.SQL(" ").join(parts)


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key."""

    columns: tuple[str, ...]
    to: TableName
    to_columns: tuple[str, ...]
    on_delete: str = "NO ACTION"

    def definition(self) -> sql.Composed:
        """As CREATE TABLE takes it."""
        return sql.SQL("FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {}").format(
            listed(self.columns),
            self.to.identifier,
            listed(self.to_columns),
            sql.SQL(self.on_delete),
        )


@dataclass(frozen=True, slots=True)
class Table:
    """One table with the rows it begins with; rows that its own rules refuse are left out when it is loaded."""

    name: TableName
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    checks: tuple[sql.Composed, ...] = ()
    references: tuple[Reference, ...] = ()
    rows: tuple[Row, ...] = ()

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(column for column in self.columns if column.name == name)

    @property
    def written(self) -> tuple[Column, ...]:
        """Those that an application may write."""
        return tuple(column for column in self.columns if column.generated is None)

    def definition(self) -> sql.Composed:
        """The CREATE TABLE."""
        parts = [column.definition() for column in self.columns]
        parts.append(sql.SQL("PRIMARY KEY ({})").format(listed(self.key)))
        parts += [sql.SQL("UNIQUE ({})").format(listed(names)) for names in self.unique]
        parts += [sql.SQL("CHECK ({})").format(check) for check in self.checks]
        parts += [reference.definition() for reference in self.references]
        return sql.SQL("CREATE TABLE {} ({})").format(self.name.identifier, sql.SQL(", ").join(parts))

    def inserts(self) -> Iterator[sql.Composed]:
        """One INSERT a row."""
        for row in self.rows:
            yield insert(self, row)


def insert(table: Table, row: Row) -> sql.Composed:
    """The INSERT of a row."""
    given = [column for column in table.written if column.name in row]
    if not given:
        return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table.name.identifier)
    return sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
        table.name.identifier,
        listed(column.name for column in given),
        sql.SQL(", ").join(column.kind.literal(row[column.name]) for column in given),
    )


def listed(names: Iterator[str] | tuple[str, ...]) -> sql.Composed:
    """Quoted names with commas between."""
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
