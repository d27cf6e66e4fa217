"""UNIQUE and exclusion for the rows that come: against the target's own rows, and among themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from pipelines.core.expression import trusted
from pipelines.core.findings import Severity
from pipelines.core.fold import Fold
from pipelines.core.lens import Lens, SourceLens, Treatment
from pipelines.core.relations import Relation, joined
from pipelines.core.rule_check import RuleCheck, Sentence, violations_query
from pipelines.core.schema import ColumnType, Constraint, ConstraintKind, Index, Table
from pipelines.core.spec import OnConflict

# Below this oid types are the server's own, and `=` in pg_catalog is the operator of their default equality.
_FIRST_USER_OID = 16384
_PAIRWISE_ROWS = 20_000
_EQUAL = "pg_catalog.="
_HAVE = ("has", "have")
_ARE = ("is", "are")


@dataclass(frozen=True, slots=True)
class Key:
    """What one unique index or exclusion constraint compares."""

    name: str
    index: Index
    operators: tuple[str, ...] = ()  # of an exclusion, one for each key

    @property
    def reads(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset((*(c for c in self.index.columns if c is not None), *self.index.expression_columns))

    @property
    def values(self) -> tuple[str, ...]:
        """Names for its values."""
        return tuple(f"value {number}" for number in range(1, len(self.index.keys) + 1))

    @property
    def words(self) -> str:
        """As a message names it."""
        return ", ".join(self.index.keys)


def unique_rules(fold: Fold, rows: Mapping[int, Relation], target: Relation) -> Iterator[RuleCheck]:
    """Every unique index and exclusion constraint whose columns are known, for each source and between them."""
    for key in unique_keys(fold.lens.target):
        known = {n: r for n, r in rows.items() if key.reads <= r.known}
        if key.reads <= target.known:
            for number, relation in known.items():
                yield _taken(fold, key, fold.lens.numbered(number), relation, target)
        yield from _among(fold, key, known)
    for key in exclusion_keys(fold.lens.target):
        known = {n: r for n, r in rows.items() if key.reads <= r.known}
        if known:
            yield from _excluded(fold, key, known, target)


def unique_keys(target: Table) -> tuple[Key, ...]:
    """Its unique indexes that compare by equality."""
    temporal = {c.name for c in target.constraints if c.temporal}
    return tuple(Key(i.name, i) for i in target.indexes if i.unique and i.valid and i.constraint not in temporal)


def exclusion_keys(target: Table) -> tuple[Key, ...]:
    """Its exclusion constraints, and its keys WITHOUT OVERLAPS, which are the same thing."""
    indexes = {index.constraint: index for index in target.indexes if index.constraint is not None}
    return tuple(Key(c.name, indexes[c.name], c.operators) for c in target.constraints if _excludes(c, indexes))


def _excludes(constraint: Constraint, indexes: Mapping[str, Index]) -> bool:
    excludes = constraint.kind is ConstraintKind.EXCLUSION or constraint.temporal
    found = indexes.get(constraint.name)
    return excludes and found is not None and len(constraint.operators) == len(found.keys)


def keyed(lens: Lens, key: Key, rows: Relation, also: Iterable[sql.Composable] = ()) -> sql.Composed:
    """The values that the key compares, of the rows that it concerns, and what else is asked for."""
    values = [
        sql.SQL("({}) AS {}").format(
            sql.Identifier(column) if column is not None else trusted(text), sql.Identifier(name)
        )
        for text, column, name in zip(key.index.keys, key.index.columns, key.values, strict=True)
    ]
    query = sql.SQL("(SELECT {} FROM {} AS {} WHERE {})").format(
        joined((*values, *also)),
        rows.query,
        sql.Identifier(lens.target.name.name),
        trusted(f"({key.index.predicate})") if key.index.predicate else sql.SQL("true"),
    )
    if key.index.nulls_not_distinct and not key.operators:
        return query
    # A NULL conflicts with nothing.
    present = joined((sql.SQL("n.{} IS NOT NULL").format(sql.Identifier(name)) for name in key.values), " AND ")
    return sql.SQL("(SELECT * FROM {} n WHERE {})").format(query, present)


def conflicting(lens: Lens, key: Key, left: str, right: str) -> sql.Composed:
    """True for two rows that the key does not let stand side by side."""
    if key.operators:
        pairs = zip(key.operators, key.values, strict=True)
        return joined((_related(left, right, name, operator) for operator, name in pairs), " AND ")
    if key.index.nulls_not_distinct or not all(_compares_plainly(lens.target, column) for column in key.index.columns):
        # Records compare by each type's own default equality, wherever its operator lives, and NULL equals NULL.
        sides = [joined(sql.Identifier(side, name) for name in key.values) for side in (left, right)]
        return sql.SQL("ROW({})::pg_catalog.record = ROW({})::pg_catalog.record").format(*sides)
    return joined((_related(left, right, name, _EQUAL) for name in key.values), " AND ")


def compares_plainly(of: ColumnType) -> bool:
    """Whether `=` in pg_catalog is the equality that an index of this type uses."""
    return of.oid < _FIRST_USER_OID or of.kind == "e"


def _compares_plainly(target: Table, column: str | None) -> bool:
    return column is not None and compares_plainly(target[column].type)


def _related(left: str, right: str, name: str, operator: str) -> sql.Composed:
    return sql.SQL("{} OPERATOR({}) {}").format(
        sql.Identifier(left, name), trusted(operator), sql.Identifier(right, name)
    )


def _taken(fold: Fold, key: Key, source: SourceLens, rows: Relation, target: Relation) -> RuleCheck:
    name = fold.lens.target.name
    skip = source.spec.on_conflict is OnConflict.SKIP
    sentence = (
        Sentence("row", f"of {source.name}", ("stays", "stay"), f"behind: a row of {name} has the same {key.words}")
        if skip
        else Sentence("row", f"of {source.name}", _HAVE, f"the same {key.words} as a row of {name}")
    )
    return RuleCheck(
        Severity.NOTE if skip else Severity.ERROR,
        "unique",
        f"{name}.{key.name}",
        sentence,
        "" if skip else "change them first, or on_conflict: skip leaves them behind",
        violations_query(
            [sql.Identifier("m", v) for v in key.values],
            sql.SQL("FROM {} m WHERE EXISTS (SELECT FROM {} t WHERE {})").format(
                keyed(fold.lens, key, rows), keyed(fold.lens, key, target), conflicting(fold.lens, key, "t", "m")
            ),
        ),
        key.index.keys,
        source.spec.line,
    )


def _among(fold: Fold, key: Key, known: Mapping[int, Relation]) -> Iterator[RuleCheck]:
    sources = [fold.lens.numbered(number) for number in known]
    if not sources or (len(sources) == 1 and _is_unique_already(sources[0], key)):
        return
    groups = _groups(fold, key, known)
    shown = [sql.Identifier("g", v) for v in key.values]
    yield RuleCheck(
        Severity.ERROR,
        "unique",
        f"{fold.lens.target.name}.{key.name}",
        Sentence("value", f"of {key.words}", _ARE, f"in several rows of {_listed(sources)}", counts_values=True),
        "change all but one of them first, or on_conflict: skip for the later source",
        violations_query(shown, sql.SQL("FROM {} g WHERE g.lost > 0").format(groups), sql.SQL("g.met")),
        key.index.keys,
        sources[-1].spec.line,
    )
    if any(source.spec.on_conflict is OnConflict.SKIP for source in sources):
        yield RuleCheck(
            Severity.NOTE,
            "unique",
            f"{fold.lens.target.name}.{key.name}",
            Sentence("row", "", ("stays", "stay"), f"behind: an earlier row has the same {key.words}"),
            "",
            violations_query(shown, sql.SQL("FROM {} g WHERE g.skipped > 0").format(groups), sql.SQL("g.skipped")),
            key.index.keys,
            sources[-1].spec.line,
        )


def _groups(fold: Fold, key: Key, known: Mapping[int, Relation]) -> sql.Composed:
    """For each value: how many rows have it (`met`), and how many of those lose to an earlier one, by what follows."""
    union = _union(fold, key, known)
    values = joined(sql.Identifier("u", v) for v in key.values)
    return sql.SQL(
        "(SELECT {values}, pg_catalog.count(*) AS met,"
        " pg_catalog.count(*) FILTER (WHERE u.place > 1 AND NOT u.skips) AS lost,"
        " pg_catalog.count(*) FILTER (WHERE u.place > 1 AND u.skips) AS skipped"
        " FROM (SELECT u.*, pg_catalog.row_number() OVER (PARTITION BY {values} ORDER BY u.number, u.skips) AS place"
        " FROM {union} u) u GROUP BY {values} HAVING pg_catalog.count(*) > 1)"
    ).format(values=values, union=union)


def _union(fold: Fold, key: Key, known: Mapping[int, Relation]) -> sql.Composed:
    parts = []
    for number, relation in known.items():
        skips = fold.lens.numbered(number).spec.on_conflict is OnConflict.SKIP
        also = (
            sql.SQL("{}::integer AS number").format(sql.Literal(number)),
            sql.SQL("{} AS skips").format(sql.Literal(skips)),
        )
        parts.append(sql.SQL("SELECT * FROM {} p").format(keyed(fold.lens, key, relation, also)))
    return sql.SQL("({})").format(joined(parts, " UNION ALL "))


def _is_unique_already(source: SourceLens, key: Key) -> bool:
    """Whether the source's own unique key makes the target's values differ."""
    moved = {
        rule.column.name: rule.place.column
        for rule in source.rules
        if rule.treatment is Treatment.SAME and rule.place is not None
    }
    return any(all(moved.get(name) in key.index.columns for name in own) for own in source.table.not_null_unique_keys)


def _excluded(fold: Fold, key: Key, known: Mapping[int, Relation], target: Relation) -> Iterator[RuleCheck]:
    if key.reads <= target.known:
        for number, relation in known.items():
            yield _excluded_by_target(fold, key, fold.lens.numbered(number), relation, target)
    sources = [fold.lens.numbered(number) for number in known]
    rows = sum(source.table.estimated_rows for source in sources)
    # Without an equality every pair is compared; the constraint's own index does that better, at the cut-over.
    if any(operator.endswith(".=") for operator in key.operators) or rows <= _PAIRWISE_ROWS:
        yield _excluded_among(fold, key, known, sources)


def _excluded_by_target(fold: Fold, key: Key, source: SourceLens, rows: Relation, target: Relation) -> RuleCheck:
    return _exclusion(
        fold,
        key,
        Sentence("row", f"of {source.name}", ("conflicts", "conflict"), f"with rows of {fold.lens.target.name}"),
        sql.SQL("FROM {} m WHERE EXISTS (SELECT FROM {} t WHERE {})").format(
            keyed(fold.lens, key, rows), keyed(fold.lens, key, target), conflicting(fold.lens, key, "t", "m")
        ),
        source,
    )


def _excluded_among(fold: Fold, key: Key, known: Mapping[int, Relation], sources: list[SourceLens]) -> RuleCheck:
    return _exclusion(
        fold,
        key,
        Sentence("row", f"of {_listed(sources)}", ("conflicts", "conflict"), "with another"),
        sql.SQL(
            "FROM (WITH u AS MATERIALIZED (SELECT p.*, pg_catalog.row_number() OVER () AS place FROM {} p)"
            " SELECT m.* FROM u m WHERE EXISTS (SELECT FROM u t WHERE t.place <> m.place AND {})) m"
        ).format(_union(fold, key, known), conflicting(fold.lens, key, "t", "m")),
        sources[-1],
    )


def _exclusion(fold: Fold, key: Key, sentence: Sentence, found: sql.Composed, source: SourceLens) -> RuleCheck:
    return RuleCheck(
        Severity.ERROR,
        "exclusion",
        f"{fold.lens.target.name}.{key.name}",
        Sentence(sentence.noun, sentence.about, sentence.verb, f"{sentence.rest} by the exclusion {key.name}"),
        "change them first",
        violations_query([sql.Identifier("m", v) for v in key.values], found),
        key.index.keys,
        source.spec.line,
    )


def _listed(sources: list[SourceLens]) -> str:
    return ", ".join(str(source.name) for source in sources)
