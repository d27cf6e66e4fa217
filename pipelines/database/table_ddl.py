"""The DDL that makes tables whole again: pg_dump's words about them, and what it leaves out.

pg_dump -t says nothing of inbound foreign keys, publications, extended statistics and types, and its grants assume
that a new table has no others, while default privileges give it some (POSTGRES.md, Why archive).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from psycopg import sql
from psycopg.rows import class_row

from pipelines.core.ddl_text import TAG
from pipelines.core.pg_dump_text import DumpedEntry, entries
from pipelines.core.recorded import SequenceState
from pipelines.core.schema import TableName
from pipelines.core.schema_script import VIEWS, Phase, SchemaEntry, render
from pipelines.database.connection import Connection
from pipelines.database.failures import explained
from pipelines.database.named_sql import load_sql
from pipelines.database.programs import ProgramName, find_program, run_program
from pipelines.database.saved_relations import SavedRelations, read_relations

_LOCK_WAIT_MS = 10_000

# pg_dump's kinds before the rows; the first of another kind begins those after. Comments are among both.
_BEFORE = ("TABLE", "FOREIGN TABLE", "SEQUENCE", "SEQUENCE OWNED BY", "DEFAULT", "TABLE ATTACH", "COMMENT",
           "SECURITY LABEL", *VIEWS)  # fmt: skip
_BLOCKS_BEFORE = (
    ("table_ddl.sql", "schemas"),
    ("type_ddl.sql", "types"),
    ("table_ddl.sql", "functions"),
    ("table_ddl.sql", "unowned_sequences"),
)
_BLOCKS_AFTER = (
    ("table_ddl.sql", "statistics"),
    ("table_ddl.sql", "filled_views"),
    ("table_ddl.sql", "inbound"),
    ("table_ddl.sql", "policies"),
    ("table_ddl.sql", "publications"),
)
_SURROUNDING = ("READER", "REFRESH", "INBOUND FOREIGN KEY", "POLICY ELSEWHERE", "PUBLICATION")
_ACCESS = {"TABLE": "TABLE", "VIEW": "TABLE", "MATERIALIZED VIEW": "TABLE", "SEQUENCE": "SEQUENCE"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A row of a block of pieces (table_ddl.sql)."""

    kind: str
    schema: str
    name: str
    relation: int | None
    roots: list[int]
    condition: str | None
    text: str


def schema_sql(connection: Connection, tables: Sequence[TableName], snapshot: str | None = None) -> str:
    """The text of schema.sql for these tables; raises as `schema_entries`, and DatabaseError when one is not there."""
    with explained("read what belongs to the tables"):
        relations = read_relations(connection, tables)
        sequences = read_sequences(connection, relations)
    return render(schema_entries(connection, relations, sequences, snapshot))


def schema_entries(
    connection: Connection,
    relations: SavedRelations,
    sequences: Mapping[TableName, Sequence[SequenceState]],
    snapshot: str | None = None,
) -> tuple[SchemaEntry, ...]:
    """Everything that makes these tables again, in the order in which it runs.

    `connection` is in the transaction whose snapshot is exported under the name `snapshot`, or in any transaction.

    Raises:
        Refused: no pg_dump fits the server.
        DatabaseError: pg_dump failed.
    """
    with explained("read what belongs to the tables"):
        before = [*_pieces(connection, relations, _BLOCKS_BEFORE, Phase.BEFORE)]
        readers = [*_pieces(connection, relations, (("table_ddl.sql", "readers"),), Phase.AFTER)]
        extras = [*_pieces(connection, relations, _BLOCKS_AFTER, Phase.AFTER)]
    positions = [*_positions(sequences)]
    dumped = [*_attributed(entries(_dump(connection, relations, snapshot)), relations)]
    rights = [entry for entry in dumped if entry.kind == "ACL"]
    plain = [entry for entry in dumped if entry.kind != "ACL"]
    first = [entry for entry in plain if entry.phase is Phase.BEFORE]
    then = [entry for entry in plain if entry.phase is Phase.AFTER]
    return (*before, *first, *readers, *positions, *then, *extras, *map(_reset_rights, _with_rights(first)), *rights)


def read_sequences(connection: Connection, relations: SavedRelations) -> Mapping[TableName, tuple[SequenceState, ...]]:
    """The position of each sequence that a column owns, by table: that of now, whatever the snapshot."""
    found: dict[TableName, list[SequenceState]] = {name: [] for name in relations.tables}
    for table, sequence in relations.sequences:
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sequence.identifier)
        for last_value, is_called in connection.execute(query).fetchall():
            found[table].append(SequenceState(sequence, int(str(last_value)), bool(is_called)))
    return {name: tuple(states) for name, states in found.items()}


def _pieces(
    connection: Connection, relations: SavedRelations, blocks: Iterable[tuple[str, str]], phase: Phase
) -> Iterator[SchemaEntry]:
    parameters = {
        "tables": list(relations.table_oids),
        "views": list(relations.view_oids),
        "saved": list(relations.saved_oids),
    }
    for file, block in blocks:
        with connection.cursor(row_factory=class_row(Piece)) as cursor:
            for piece in cursor.execute(load_sql("pipelines.database", file)[block], parameters):
                yield _piece_entry(piece, relations, phase)


def _piece_entry(piece: Piece, relations: SavedRelations, phase: Phase) -> SchemaEntry:
    relation = relations.names.get(piece.relation) if piece.relation else None
    roots = relations.roots_of(relation) if relation else relations.tables_of(piece.roots)
    return SchemaEntry(
        piece.kind,
        TableName(piece.schema, piece.name),
        phase,
        roots,
        guarded(piece.condition, piece.text) if piece.condition else f"{piece.text};",
        relation,
        surrounding=piece.kind in _SURROUNDING,
    )


def guarded(condition: str, text: str) -> str:
    """The statements as a block that runs them only where the condition holds."""
    inner = _tag("ddl", text)
    body = f"BEGIN\n  IF {condition} THEN\n    EXECUTE {inner}{text}{inner};\n  END IF;\nEND"
    outer = _tag("guard", body)
    return f"DO {outer}\n{body} {outer};"


def _tag(word: str, text: str) -> str:
    """A dollar quote that does not occur in the text."""
    while f"${word}$" in text:
        word += "_"
    return f"${word}$"


def _positions(sequences: Mapping[TableName, Iterable[SequenceState]]) -> Iterator[SchemaEntry]:
    for table, states in sequences.items():
        for state in states:
            text = sql.SQL("SELECT pg_catalog.setval({}::pg_catalog.regclass, {}, {});").format(
                sql.Literal(state.name.identifier.as_string(None)),
                sql.Literal(state.last_value),
                sql.Literal(state.is_called),
            )
            yield SchemaEntry("SEQUENCE SET", state.name, Phase.AFTER, (table,), text.as_string(None), table)


def _dump(connection: Connection, relations: SavedRelations, snapshot: str | None) -> str:
    program = find_program(ProgramName.PG_DUMP, connection.info.server_version)
    chosen = [f"--table={_pattern(name)}" for name in relations.names.values()]
    options = ["--schema-only", "--verbose", "--strict-names", "--no-password", f"--lock-wait-timeout={_LOCK_WAIT_MS}"]
    options += [f"--snapshot={snapshot}"] if snapshot else []
    return run_program(program, _url_of(connection), [*options, *chosen])


def _pattern(name: TableName) -> str:
    """Within double quotes every character stands for itself (manual, psql, Patterns)."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in (name.schema, name.name))


def _url_of(connection: Connection) -> str:
    """The address and password that the connection was opened with; never shown: it goes to run_program."""
    given = connection.info.get_parameters() | {"password": connection.info.password}
    named = {name: value for name, value in given.items() if value}
    return f"postgresql://?{urlencode(named, quote_via=quote)}"


def _attributed(dumped: Iterable[DumpedEntry], relations: SavedRelations) -> Iterator[SchemaEntry]:
    """Whose each entry is: by its oid; a comment or a grant by what it depends on."""
    phase = Phase.BEFORE
    by_number: dict[int, TableName] = {}
    for entry in dumped:
        if entry.kind not in _BEFORE:
            phase = Phase.AFTER
        owned = relations.owned.get((entry.class_oid, entry.oid))
        relation = owned.relation if owned else next((by_number[n] for n in entry.depends if n in by_number), None)
        if relation:
            by_number[entry.toc] = relation
        yield SchemaEntry(
            entry.kind,
            TableName(owned.name.schema or entry.schema, owned.name.name)
            if owned
            else TableName(entry.schema, entry.name),
            phase,
            relations.roots_of(relation) if relation else relations.tables,
            _by_grantor(entry.text, relation) if entry.kind == "ACL" and relation else entry.text,
            relation,
            surrounding=relation is not None and relation not in relations.saved,
            needs=owned.needs if owned else None,
        )


def _by_grantor(text: str, relation: TableName) -> str:
    """Grants that another than the owner gave, given by that role again.

    It needs to see the schema, and may not any more, or not that of a copy: then it may for the moment. A member of
    the role can do all this too, where pg_dump's SET SESSION AUTHORIZATION needs a superuser.
    """
    table = sql.Literal(relation.identifier.as_string(None)).as_string(None)

    def given(match: re.Match[str]) -> str:
        role = sql.Literal(match["role"]).as_string(None)
        return _GRANT_AS.format(role=role, table=table, grants=match["grants"].strip())

    return _GRANTED_BY.sub(given, text)


def _with_rights(found: Iterable[SchemaEntry]) -> Iterator[SchemaEntry]:
    return (entry for entry in found if entry.kind in _ACCESS)


def _reset_rights(entry: SchemaEntry) -> SchemaEntry:
    """Take away what default privileges gave to the new object, so that it has exactly what follows."""
    kind = _ACCESS[entry.kind]
    name = sql.Literal(entry.name.identifier.as_string(None)).as_string(None)
    text = _RESET.replace("{kind}", kind).replace("{name}", f"{name}::pg_catalog.regclass")
    return SchemaEntry(
        "ACL RESET", entry.name, Phase.AFTER, entry.roots, text, entry.relation, surrounding=entry.surrounding
    )


_GRANTED_BY = re.compile(
    r"SET SESSION AUTHORIZATION (?P<role>[^;]+);\n(?P<grants>.*?)RESET SESSION AUTHORIZATION;", re.DOTALL
)
_GRANT_AS = f"""DO {TAG}
DECLARE
  role_before text := pg_catalog.current_setting('role');
  home oid := (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = {{table}}::pg_catalog.regclass);
  blind boolean := NOT pg_catalog.has_schema_privilege({{role}}::pg_catalog.regrole::oid, home, 'USAGE');
BEGIN
  IF blind THEN
    EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %s TO %s', home::pg_catalog.regnamespace, {{role}});
  END IF;
  PERFORM pg_catalog.set_config('role', pg_catalog.pg_get_userbyid({{role}}::pg_catalog.regrole)::text, true);
  {{grants}}
  PERFORM pg_catalog.set_config('role', role_before, true);
  IF blind THEN
    EXECUTE pg_catalog.format('REVOKE USAGE ON SCHEMA %s FROM %s', home::pg_catalog.regnamespace, {{role}});
  END IF;
END {TAG};"""

_RESET = f"""DO {TAG}
DECLARE
  grantee text;
BEGIN
  FOR grantee IN
    SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
    FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
    WHERE c.oid = {{name}}
  LOOP
    EXECUTE pg_catalog.format('REVOKE ALL ON {{kind}} %s FROM %s', {{name}}, grantee);
  END LOOP;
  EXECUTE pg_catalog.format('GRANT ALL ON {{kind}} %s TO %I', {{name}},
    (SELECT pg_catalog.pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = {{name}}));
END {TAG};"""
