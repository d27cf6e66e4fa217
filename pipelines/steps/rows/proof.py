"""The proof: rows that do not read back equal through the inverse, in staging and in the target."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.equality import output_of, rows_differ
from pipelines.core.fold import Fold
from pipelines.core.lens import Rule, SourceLens, Treatment
from pipelines.core.names import Keeping
from pipelines.core.place import Place
from pipelines.core.relations import joined, key_names
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database.named_sql import load_sql
from pipelines.steps.rows import fresh_rows, kept, mapping

_SQL = load_sql("pipelines.steps.rows", "proof.sql")
_FULL_JOIN = sql.SQL("FULL JOIN")
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of one row that does not read back; values in output form."""

    key: tuple[str, ...]
    column: str
    was: str
    became: str


def staged_pairs(fold: Fold, source: SourceLens, *, refold: bool, join: sql.SQL = _FULL_JOIN) -> sql.Composed:
    """Source rows `s` beside staged rows `t`, each without the other where one is missing."""
    return sql.SQL("{} s {} {} t ON {}{}").format(
        source.name.identifier,
        join,
        mapping.staged(fold, source),
        _same(fold, source),
        _kept(fold, source, refold=refold),
    )


def _same(fold: Fold, source: SourceLens) -> sql.Composed:
    return relations.same_key("s", key_names(source), "t", relations.staging_keys(fold.lens, source))


def target_pairs(fold: Fold, source: SourceLens, *, refold: bool, at: TableName | None = None) -> sql.Composed:
    """Source rows `s` (`at`: where they stand at the moment) beside the target's `t` that the row map says they are."""
    return sql.SQL("{} s LEFT JOIN {} m ON {} LEFT JOIN {} t ON {}{}").format(
        (at or source.name).identifier,
        names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
        relations.same_key("s", key_names(source), "m", relations.source_key_in_map(source)),
        fold.lens.target.name.identifier,
        relations.same_key("m", relations.target_key_in_map(fold.lens), "t", relations.target_key(fold.lens)),
        _kept(fold, source, refold=refold),
    )


def _kept(fold: Fold, source: SourceLens, *, refold: bool) -> sql.Composable:
    return kept.join(fold, source) if refold else sql.SQL("")


def count_staged(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """Three counts: rows looked at, that stand alone, and that differ. Keys captured since are left out."""
    keys = relations.staging_keys(fold.lens, source)
    return Statement(
        f"read every staged row of {source.name} back",
        sql.SQL(_SQL["count_staged"]).format(
            alone=sql.SQL("t.{} IS NULL").format(sql.Identifier(keys[0])),
            differ=differ(source, refold=refold),
            pairs=staged_pairs(fold, source, refold=refold, join=sql.SQL("LEFT JOIN")),
            unchanged=mapping.unchanged(fold, source),
            staged=mapping.staged(fold, source),
            staged_unchanged=mapping.unchanged(fold, source, "t", keys),
            source=source.name.identifier,
            same=_same(fold, source),
        ),
    )


def note_staged(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """Let the keys of those rows wait: what escaped the capture is staged again, and what is wrong stays wrong."""
    pairs = zip(key_names(source), relations.staging_keys(fold.lens, source), strict=True)
    either = (sql.SQL("COALESCE({}, {})").format(sql.Identifier("s", a), sql.Identifier("t", b)) for a, b in pairs)
    return Statement(
        f"let rows of {source.name} wait that do not read back from staging",
        sql.SQL(_SQL["note_staged"]).format(
            changed=mapping.changed(fold, source), keys=joined(either), **_staged(fold, source, refold=refold)
        ),
    )


def _staged(fold: Fold, source: SourceLens, *, refold: bool) -> dict[str, sql.Composable]:
    keys = relations.staging_keys(fold.lens, source)
    return {
        "pairs": staged_pairs(fold, source, refold=refold),
        "alone": sql.SQL("(s.{} IS NULL OR t.{} IS NULL)").format(source.key[0].identifier, sql.Identifier(keys[0])),
        "differ": differ(source, refold=refold),
        "among": sql.SQL("{} AND {}").format(
            _unless_null(mapping.unchanged(fold, source), "s", key_names(source)[0]),
            _unless_null(mapping.unchanged(fold, source, "t", keys), "t", keys[0]),
        ),
    }


def count_target(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """The same in the target; a row that was skipped has no place there."""
    return Statement(
        f"read the rows of {source.name} back from {fold.lens.target.name}",
        sql.SQL(_SQL["count"]).format(
            pairs=target_pairs(fold, source, refold=refold),
            alone=_alone(fold),
            differ=differ(source, refold=refold),
            among=sql.SQL("m.state IS DISTINCT FROM 'skipped' AND {}").format(mapping.unchanged(fold, source)),
        ),
    )


def count_fresh(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """The same of the rows of a pass, while nobody writes to the source."""
    return Statement(
        f"read the changed rows of {source.name} back from {fold.lens.target.name}",
        sql.SQL(_SQL["count"]).format(
            pairs=fresh_pairs(fold, source, refold=refold),
            alone=_alone(fold),
            differ=differ(source, refold=refold),
            among=sql.SQL("m.state IS DISTINCT FROM 'skipped'"),
        ),
    )


def note_fresh(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """While the source is written: let those rows of a pass that do not read back wait for the next."""
    return Statement(
        f"let changed rows of {source.name} wait that do not read back yet",
        sql.SQL(_SQL["note_fresh"]).format(
            alone=_alone(fold),
            differ=differ(source, refold=refold),
            changed=mapping.changed(fold, source),
            keys=relations.identifiers(key_names(source), "s"),
            unchanged=mapping.unchanged(fold, source),
            pairs=fresh_pairs(fold, source, refold=refold),
        ),
    )


def fresh_pairs(fold: Fold, source: SourceLens, *, refold: bool) -> sql.Composed:
    """The same pairs as in the target, of the rows of a pass `f`."""
    return sql.SQL("{} f JOIN ({}) ON {}").format(
        fresh_rows.table(source),
        target_pairs(fold, source, refold=refold),
        relations.same_key("s", key_names(source), "f", relations.staging_keys(fold.lens, source)),
    )


def _alone(fold: Fold) -> sql.Composed:
    return sql.SQL("t.{} IS NULL").format(fold.lens.key[0].identifier)


def staged_differences(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """Up to twenty values of staged rows that differ: key, column, what it was, what it became."""
    keys = relations.staging_keys(fold.lens, source)
    return differences(fold, source, staged_pairs(fold, source, refold=refold), refold=refold, beside=keys[0])


def differences(
    fold: Fold, source: SourceLens, pairs: sql.Composed, *, refold: bool, beside: str | None = None
) -> Statement:
    """The same of other pairs; `beside` is a column of `t` that only a row which is not there lacks."""
    counterpart = sql.Identifier("t", beside or fold.lens.key[0].name)
    values = []
    for rule in source.proven:
        was, became = sql.Identifier("s", rule.column.name), read_back(rule, refold=refold)
        told = (sql.Literal(rule.column.name), output_of(was), output_of(became), _quoted(was), _quoted(became))
        values.append(sql.SQL("({})").format(joined(told)))
    return Statement(
        f"name what differs in {source.name}",
        sql.SQL(_SQL["differences"]).format(
            key=relations.output_array([sql.Identifier("s", name) for name in key_names(source)]),
            pairs=pairs,
            values=joined(values),
            among=sql.SQL("s.{} IS NOT NULL AND {} IS NOT NULL AND {}").format(
                source.key[0].identifier, counterpart, mapping.unchanged(fold, source)
            ),
            limit=sql.Literal(SHOWN),
        ),
    )


def _quoted(value: sql.Composable) -> sql.Composed:
    """As a person writes it: in quotes, or NULL."""
    return sql.SQL("pg_catalog.quote_nullable(({})::pg_catalog.text)").format(value)


def staged_alone(fold: Fold, source: SourceLens, *, refold: bool) -> Statement:
    """Up to twenty keys of source rows that are not staged, and of staged rows that the source no longer has."""
    staged = _staged(fold, source, refold=refold)
    pairs = zip(key_names(source), relations.staging_keys(fold.lens, source), strict=True)
    either = [sql.SQL("COALESCE({}, {})").format(sql.Identifier("s", a), sql.Identifier("t", b)) for a, b in pairs]
    return Statement(
        f"name the rows of {source.name} without counterpart",
        sql.SQL(_SQL["staged_alone"]).format(
            key=relations.output_array(either),
            left=sql.SQL("s.{} IS NULL").format(source.key[0].identifier),
            limit=sql.Literal(SHOWN),
            **staged,
        ),
    )


def read_back(rule: Rule, *, refold: bool) -> sql.Composed:
    """The inverse; where the target says something that its source cannot, the source's own value stands."""
    inverse = relations.inverse_of(rule)
    if not refold:
        return inverse
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(
        _parted(rule), sql.Identifier("s", rule.column.name), inverse
    )


def _parted(rule: Rule) -> sql.Composed:
    """True where the target says at the rule's place, or at another that its inverse reads, what the source cannot."""
    assert rule.inverse is not None
    parted = sql.SQL("o.forwards ? {}").format(sql.Literal(str(rule.place)))
    if rule.treatment is not Treatment.CUSTOM:
        return parted
    read = [str(Place(name)) for name in rule.inverse.columns]
    return sql.SQL("({} OR o.kept ?| {}::pg_catalog.text[])").format(parted, sql.Literal(read))


def differ(source: SourceLens, *, refold: bool) -> sql.Composed:
    """True for a pair `s`, `t` that does not read back equal."""
    rules = source.proven
    if not rules:
        return sql.Composed([sql.SQL("false")])
    return rows_differ(
        [sql.Identifier("s", rule.column.name) for rule in rules], [read_back(rule, refold=refold) for rule in rules]
    )


def _unless_null(test: sql.Composed, alias: str, column: str) -> sql.Composed:
    return sql.SQL("({}.{} IS NULL OR {})").format(sql.Identifier(alias), sql.Identifier(column), test)
