"""Archive: the sources leave for a schema of their own, whole, and are frozen there (POSTGRES.md, Why archive)."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names
from pipelines.core.fold import Fold
from pipelines.core.names import Keeping
from pipelines.core.relations import identifiers, joined, target_key, target_key_in_map
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows.keeping_tables import identify

_SQL = load_sql("pipelines.steps", "archive.sql")
FREEZE_TRIGGER = "pgfold_frozen"
KEY_TRIGGER = "pgfold_key"
KEYS_TRIGGER = "pgfold_keys"


def make_schemas(fold: Fold) -> Iterator[Statement]:
    """One archive schema for each of the sources' own."""
    for name in dict.fromkeys(fold.archived(table.name).schema for table in fold.lens.archived):
        yield Statement(
            f"make the archive {name}", sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(name))
        )


def prepare(fold: Fold) -> Iterator[Statement]:
    """What touches only schemas of ours: made before any lock, and unseen until the commit."""
    yield from make_schemas(fold)
    yield freeze_function()
    if fold.lens.sources:
        yield from _note_keys(fold)


def freeze_function() -> Statement:
    """One for all archived tables."""
    query = sql.SQL(_SQL["freeze_function"]).format()
    return Statement("make the function that refuses writes to the archive", query)


def archive(fold: Fold) -> Iterator[Statement]:
    """Move each source there and let nobody write to it."""
    for table in fold.lens.archived:
        home = fold.archived(table.name)
        yield Statement(
            f"archive {table.name}",
            sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(table.name.identifier, sql.Identifier(home.schema)),
        )
        yield from freeze(home, fold.name)


def freeze(table: TableName, fold: str) -> Iterator[Statement]:
    """Two triggers that raise, whatever the session's replication role."""
    yield Statement(
        f"freeze {table}",
        sql.SQL(_SQL["freeze"]).format(
            trigger=sql.Identifier(FREEZE_TRIGGER), table=table.identifier, fold=sql.Literal(fold)
        ),
    )
    yield Statement(
        f"freeze {table} for every session",
        sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(table.identifier, sql.Identifier(FREEZE_TRIGGER)),
    )


def thaw(table: TableName) -> Statement:
    """Let pgfold write to it again."""
    return Statement(
        f"thaw {table}",
        sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(sql.Identifier(FREEZE_TRIGGER), table.identifier),
    )


def bring_back(fold: Fold, table: TableName) -> Statement:
    """Move an archived table to where it was."""
    return Statement(
        f"bring {table} back",
        sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(fold.archived(table).identifier, sql.Identifier(table.schema)),
    )


def drop_schemas(fold: Fold) -> Iterator[Statement]:
    """Archive schemas, once they are empty."""
    for name in dict.fromkeys(fold.archived(table.name).schema for table in fold.lens.archived):
        yield Statement(f"drop the archive {name}", sql.SQL("DROP SCHEMA IF EXISTS {}").format(sql.Identifier(name)))


def _note_keys(fold: Fold) -> Iterator[Statement]:
    """What `follow_keys` calls: a row trigger's function notes old and new key, a statement trigger's moves them all at
    once, since keys may swap."""
    moves = [_move(fold, source.name) for source in fold.lens.sources]
    moves_kept = joined(moves, " ")
    own = names.key_columns("t", len(fold.lens.key))
    yield Statement(
        f"make the table of key changes of {fold.lens.target.name}",
        sql.SQL(_SQL["key_changes"]).format(
            changes=key_changes(fold).identifier,
            first_map=names.keeping(Keeping.ROW_MAP, fold.name, fold.lens.sources[0].name).identifier,
            old=joined(sql.SQL("{} AS {}").format(sql.Identifier(c), sql.Identifier(f"old_{c}")) for c in own),
            new=joined(sql.SQL("{} AS {}").format(sql.Identifier(c), sql.Identifier(f"new_{c}")) for c in own),
        ),
    )
    yield identify(key_changes(fold))
    yield Statement(
        "make the function that notes a changed key",
        sql.SQL(_SQL["key_function"]).format(
            function=key_function(fold, "key").identifier,
            changes=key_changes(fold).identifier,
            old=identifiers(target_key(fold.lens), "old"),
            new=identifiers(target_key(fold.lens), "new"),
        ),
    )
    yield Statement(
        "make the function that moves the row map",
        sql.SQL(_SQL["keys_function"]).format(
            function=key_function(fold, "keys").identifier, changes=key_changes(fold).identifier, moves=moves_kept
        ),
    )


def follow_keys(fold: Fold) -> Iterator[Statement]:
    """Triggers on the target that keep the row map true when a key is changed."""
    yield Statement(
        f"follow changed keys of {fold.lens.target.name}",
        sql.SQL(_SQL["key_triggers"]).format(
            row_trigger=sql.Identifier(f"{KEY_TRIGGER}_{fold.name}"),
            statement_trigger=sql.Identifier(f"{KEYS_TRIGGER}_{fold.name}"),
            target=fold.lens.target.name.identifier,
            columns=identifiers(target_key(fold.lens)),
            old=identifiers(target_key(fold.lens), "old"),
            new=identifiers(target_key(fold.lens), "new"),
            row_function=key_function(fold, "key").identifier,
            statement_function=key_function(fold, "keys").identifier,
        ),
    )


def _move(fold: Fold, source: TableName) -> sql.Composed:
    own = target_key_in_map(fold.lens)
    changed = [[sql.SQL("m.{} = c.{}").format(sql.Identifier(c), sql.Identifier(f"{which}_{c}")) for c in own]
               for which in ("old", "new")]  # fmt: skip
    return sql.SQL(_SQL["move_keys"]).format(
        map=names.keeping(Keeping.ROW_MAP, fold.name, source).identifier,
        changes=key_changes(fold).identifier,
        no_key=joined(sql.SQL("{} = NULL").format(sql.Identifier(c)) for c in own),
        arrives=joined(changed[1], " AND "),
        set=joined(sql.SQL("{} = c.{}").format(sql.Identifier(c), sql.Identifier(f"new_{c}")) for c in own),
        same=joined(changed[0], " AND "),
    )


def stop_following_keys(fold: Fold) -> Iterator[Statement]:
    """Drop those triggers, functions and the table."""
    target = fold.lens.target.name
    for trigger in (KEY_TRIGGER, KEYS_TRIGGER):
        yield Statement(
            f"stop following changed keys of {target}",
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
                sql.Identifier(f"{trigger}_{fold.name}"), target.identifier
            ),
        )
    for kind in ("key", "keys"):
        yield Statement(
            "drop a function that followed keys",
            sql.SQL("DROP FUNCTION IF EXISTS {}()").format(key_function(fold, kind).identifier),
        )
    yield Statement(
        "drop the table of key changes", sql.SQL("DROP TABLE IF EXISTS {}").format(key_changes(fold).identifier)
    )


def key_changes(fold: Fold) -> TableName:
    """Where changed keys of the target stand between the row trigger and the statement trigger."""
    return TableName(names.OWN_SCHEMA, f"key_changes_{fold.name}")


def key_function(fold: Fold, kind: str) -> TableName:
    """The name of a trigger function on the target."""
    return TableName(names.OWN_SCHEMA, f"follow_{kind}_{fold.name}")
