"""on_conflict: skip: a row whose key or unique value is taken stays behind; decided again at every pass.

The target's own rows come first, then the sources in the spec's order, then rows in key order. Staged rows carry the
mark, also those of sources that never skip: others may lose to them.
"""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.lens import SourceLens
from pipelines.core.relations import Relation, identifiers, joined
from pipelines.core.skipping import Held
from pipelines.core.spec import KeyMode, OnConflict
from pipelines.core.statement import Statement
from pipelines.core.unique_rules import Key, conflicting, keyed, unique_keys
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import fresh_rows, keeping_tables, mapping
from pipelines.steps.rows.mapping import Keys
from pipelines.steps.session import Session

_SQL = load_sql("pipelines.steps.rows", "conflicts.sql")
MARKED_LOCKED = 2_000


def skipping(fold: Fold) -> tuple[SourceLens, ...]:
    """The sources whose rows may stay behind, in the spec's order."""
    return tuple(s for s in fold.lens.sources if s.spec.on_conflict is OnConflict.SKIP)


def decide(fold: Fold, session: Session) -> None:
    """Mark and unmark staged rows, before any of them is in the target."""
    for source in skipping(fold):
        keys = _keys(session, flips(fold, source))
        if keys.keys:
            session.execute(flip(fold, source, keys))
        session.execute(note_in_map(fold, source))


def decide_again(fold: Fold, session: Session, *, locked: bool) -> int:
    """The same once rows are in the target, for the rows that a pass may have changed sides of; how many did.

    The old rows of the pass have left the target, and its fresh ones, which staging has already, are not there yet.
    Under the lock (`locked`) not every row that stayed behind is looked at where that would take long: the pass before
    did.
    """
    changed = 0
    for source in skipping(fold):
        keys = _keys(session, flips_among(fold, source, MARKED_LOCKED if locked else None))
        changed += len(keys.keys)
        if keys.keys:
            session.together((flip(fold, source, keys), *change_sides(fold, source, keys)))
    return changed


def _keys(session: Session, query: Statement) -> Keys:
    return Keys(tuple(tuple(str(value) for value in row[0]) for row in session.rows(query)))


def statements(fold: Fold) -> Iterator[Statement]:
    """What is asked and noted before rows are written."""
    for source in skipping(fold):
        yield flips(fold, source)
        yield note_in_map(fold, source)


def index_values(fold: Fold, source: SourceLens) -> Iterator[Statement]:
    """Staged rows are found by what the target's unique indexes compare, and by their mark."""
    if not skipping(fold):
        return
    table = names.keeping(names.Keeping.STAGED, fold.name, source.name)
    for number, key in enumerate(unique_keys(fold.lens.target), 1):
        yield Statement(
            f"index the staged rows of {source.name} by {key.words}",
            sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} ({}) WHERE {}").format(
                sql.Identifier(f"{table.name}_u{number}"),
                table.identifier,
                joined(
                    sql.Identifier(column) if column is not None else sql.SQL("({})").format(trusted(text))
                    for text, column in zip(key.index.keys, key.index.columns, strict=True)
                ),
                trusted(f"({key.index.predicate})") if key.index.predicate else sql.SQL("true"),
            ),
        )
    yield Statement(
        f"index the staged rows of {source.name} that stay behind",
        sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} ({}) WHERE {}").format(
            sql.Identifier(f"{table.name}_skipped"),
            table.identifier,
            identifiers(relations.staging_keys(fold.lens, source)),
            keeping_tables.skip_column(fold),
        ),
    )


def flips(fold: Fold, source: SourceLens) -> Statement:
    """The keys of rows that are marked and should not be, or the other way round."""
    keys = relations.staging_keys(fold.lens, source)
    losers = [part for key in unique_keys(fold.lens.target) for part in _losers(fold, source, key)]
    return Statement(
        f"decide which rows of {source.name} stay behind",
        sql.SQL(_SQL["flips"]).format(
            key=relations.output_array([sql.Identifier("g", name) for name in keys]),
            keys=identifiers(keys, "g"),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            losers=joined(losers, " UNION ALL ")
            if losers
            else sql.SQL("SELECT {} WHERE false").format(identifiers(keys)),
        ),
    )


def flips_among(fold: Fold, source: SourceLens, most: int | None = None) -> Statement:
    """The same for the rows of a pass, those that share a value with one, and those that stayed behind so far.

    `most`: no more of the last than that.
    """
    keys = relations.staging_keys(fold.lens, source)
    tests = [test for key in unique_keys(fold.lens.target) for test in _one_loses(fold, source, key)]
    return Statement(
        f"decide again which rows of {source.name} stay behind",
        sql.SQL(_SQL["flips_among"]).format(
            candidates=joined(_candidates(fold, source, most), " UNION "),
            key=relations.output_array([sql.Identifier("g", name) for name in keys]),
            staged=mapping.staged(fold, source),
            same=relations.same_key("k", keys, "g", keys),
            skipped=keeping_tables.skip_column(fold),
            loses=joined(tests, " OR ") if tests else sql.SQL("false"),
        ),
    )


def _candidates(fold: Fold, source: SourceLens, most: int | None) -> Iterator[sql.Composed]:
    keys = relations.staging_keys(fold.lens, source)
    yield sql.SQL(_SQL["changed"]).format(keys=identifiers(keys), fresh=fresh_rows.table(source))
    yield sql.SQL(_SQL["marked"]).format(
        keys=identifiers(keys),
        staged=mapping.staged(fold, source),
        skipped=keeping_tables.skip_column(fold),
        most=sql.Literal(most),
    )
    for key in unique_keys(fold.lens.target):
        for other in fold.lens.sources[: fold.lens.sources.index(source) + 1]:
            fresh = sql.SQL("(SELECT * FROM {} WHERE {})").format(
                fresh_rows.table(other), fresh_rows.book(fold, "there")
            )
            yield sql.SQL(_SQL["sharing"]).format(
                keys=identifiers(keys, "a"),
                other=keyed(fold.lens, key, Relation(fresh, frozenset())),
                own=_own(fold, source, key),
                equal=conflicting(fold.lens, key, "a", "b"),
            )


def _losers(fold: Fold, source: SourceLens, key: Key) -> Iterator[sql.Composed]:
    keys = relations.staging_keys(fold.lens, source)
    own = _own(fold, source, key)
    shared = {"keys": identifiers(keys, "a"), "own": own, "equal": conflicting(fold.lens, key, "a", "b")}
    target = keyed(fold.lens, key, Relation(fold.lens.target.name.identifier, frozenset()))
    yield sql.SQL(_SQL["loses_to_target"]).format(other=target, ours=sql.SQL("false"), **shared)
    for earlier in _earlier(fold, source, key):
        yield sql.SQL(_SQL["loses_to_earlier"]).format(other=earlier, **shared)
    yield sql.SQL(_SQL["loses_to_sibling"]).format(other=own, smaller=_smaller(keys), **shared)


def _one_loses(fold: Fold, source: SourceLens, key: Key) -> Iterator[sql.Composed]:
    keys = relations.staging_keys(fold.lens, source)
    target = Relation(fold.lens.target.name.identifier, frozenset())
    others: list[tuple[sql.Composable, sql.Composable]] = [
        (
            keyed(fold.lens, key, target, [sql.SQL("xmin")]),
            sql.SQL("NOT {}").format(fresh_rows.written_by_us("b")),
        )
    ]
    others += [(earlier, sql.SQL("true")) for earlier in _earlier(fold, source, key)]
    others.append((_own(fold, source, key), _smaller(keys)))
    for other, condition in others:
        yield sql.SQL(_SQL["one_loses"]).format(
            own=_own(fold, source, key),
            other=other,
            equal=conflicting(fold.lens, key, "a", "b"),
            row=relations.same_key("a", keys, "g", keys),
            condition=condition,
        )


def _own(fold: Fold, source: SourceLens, key: Key) -> sql.Composed:
    keys = [sql.Identifier(name) for name in relations.staging_keys(fold.lens, source)]
    return keyed(fold.lens, key, Relation(mapping.staged(fold, source), frozenset()), keys)


def _earlier(fold: Fold, source: SourceLens, key: Key) -> Iterator[sql.Composed]:
    for earlier in fold.lens.sources[: fold.lens.sources.index(source)]:
        unmarked = sql.SQL("(SELECT * FROM {} WHERE NOT {})").format(
            mapping.staged(fold, earlier), keeping_tables.skip_column(fold)
        )
        yield keyed(fold.lens, key, Relation(unmarked, frozenset()))


def _smaller(keys: tuple[str, ...]) -> sql.Composed:
    return sql.SQL("({}) < ({})").format(identifiers(keys, "b"), identifiers(keys, "a"))


def flip(fold: Fold, source: SourceLens, keys: Keys) -> Statement:
    """These rows change sides."""
    return Statement(
        f"mark the rows of {source.name} that stay behind",
        sql.SQL(_SQL["flip"]).format(
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            keys=identifiers(relations.staging_keys(fold.lens, source), "g"),
            wanted=identifiers(names.key_columns("k", len(source.key)), "k"),
            rows=mapping.unnested(source, keys),
        ),
    )


def note_in_map(fold: Fold, source: SourceLens) -> Statement:
    """The row map says the same as the marks."""
    return Statement(
        f"note in the row map which rows of {source.name} stay behind",
        sql.SQL(_SQL["note_in_map"]).format(
            map=mapping.row_map(fold, source),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            same=relations.same_key(
                "m", relations.source_key_in_map(source), "g", relations.staging_keys(fold.lens, source)
            ),
        ),
    )


def change_sides(fold: Fold, source: SourceLens, keys: Keys) -> Iterator[Statement]:
    """Target and row map follow the marks of these rows."""
    k, own = names.key_columns("k", len(source.key)), relations.source_key_in_map(source)
    staged_keys = relations.staging_keys(fold.lens, source)
    home = relations.target_key_in_map(fold.lens)
    coming = sql.SQL("{} AND f.{} AND f.{}").format(
        relations.same_key("f", staged_keys, "k", k), fresh_rows.book(fold, "there"), fresh_rows.book(fold, "differs")
    )
    shared: dict[str, sql.Composable] = {
        "map": mapping.row_map(fold, source),
        "rows": mapping.unnested(source, keys),
        "mapped": relations.same_key("m", own, "k", k),
        "same": relations.same_key("g", staged_keys, "k", k),
        "staged": mapping.staged(fold, source),
        "skipped": keeping_tables.skip_column(fold),
        "fresh": fresh_rows.table(source),
        "coming": coming,
    }
    homes = [
        sql.SQL(_SQL["home_unless_coming"]).format(home=sql.Identifier(name), **shared)
        for name in home
        if source.spec.key is not KeyMode.NEW
    ]
    yield Statement(
        f"take rows of {source.name} that stay behind out of {fold.lens.target.name}",
        sql.SQL(_SQL["leave"]).format(
            target=fold.lens.target.name.identifier,
            home=relations.same_key("t", relations.target_key(fold.lens), "m", home),
            ours=fresh_rows.written_by_us("t"),
            **shared,
        ),
    )
    yield Statement(
        f"note in the row map which rows of {source.name} changed sides",
        sql.SQL(_SQL["settle"]).format(homes=joined(homes, ""), **shared),
    )
    yield Statement(
        f"let rows of {source.name} wait that are free again",
        sql.SQL(_SQL["come"]).format(changed=mapping.changed(fold, source), keys=identifiers(k, "k"), **shared),
    )


def skipped_with_children(fold: Fold, source: SourceLens, held: Held) -> Statement:
    """Up to twenty keys of rows that stay behind although somebody references them."""
    return Statement(
        f"look for children of rows of {source.name} that stay behind",
        sql.SQL(_SQL["skipped_with_children"]).format(
            key=relations.output_array([sql.Identifier("s", name) for name in relations.key_names(source)]),
            source=source.name.identifier,
            map=mapping.row_map(fold, source),
            staged=mapping.staged(fold, source),
            skipped=keeping_tables.skip_column(fold),
            mapped=relations.same_key("g", relations.staging_keys(fold.lens, source), "s", relations.key_names(source)),
            child=held.child.identifier,
            same=joined(
                (sql.SQL("c.{} = s.{}").format(sql.Identifier(a), sql.Identifier(b)) for a, b in held.pairs), " AND "
            ),
        ),
    )
