"""What the source's own rules say about its rows as they would go home."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from psycopg import sql

from pipelines.core.equality import rows_differ
from pipelines.core.expression import trusted
from pipelines.core.lens import Rule, Treatment
from pipelines.core.reconciliation import Blocking
from pipelines.core.relations import Relation, joined, key_names, output_array
from pipelines.core.schema import Constraint, ConstraintKind, TableName
from pipelines.core.spec import ValueMap
from pipelines.core.target_keys import equal_columns
from pipelines.core.three_way import placed, seen
from pipelines.core.unique_rules import Key, conflicting, exclusion_keys, keyed, unique_keys
from pipelines.core.value_map import text_of
from pipelines.core.wording import listed
from pipelines.database.named_sql import load_sql
from pipelines.steps.back import attempts
from pipelines.steps.back.hindrances import Hindrance
from pipelines.steps.back.homeward import Homeward, as_home

_SQL = load_sql("pipelines.steps.back", "home_rules.sql")
_EDIT_IT = "edit it, or --set-aside keeps it for the next fold"


def value_rules(home: Homeward) -> Iterator[Hindrance]:
    """What keeps edited values of one source from going home; nothing where every edit is dropped."""
    if home.to_backup:
        return
    for number, rule in enumerate(home.source.rules):
        if rule in placed(home.source) and (rule.treatment is not Treatment.SAME or rule.inverse is None):
            yield _counterpart(home, number, rule)
    for number, column in enumerate(home.source.table.columns):
        if column.generated:
            yield _computed(home, number)
        elif column.not_null:
            yield _not_null(home, column.name)
    for number, constraint in enumerate(home.source.table.constraints):
        if constraint.kind is ConstraintKind.CHECK and constraint.enforced and constraint.expression:
            yield _check(home, number, constraint)
    for number, index in enumerate(home.source.table.indexes):
        if index.expression_columns:
            yield _indexed(home, number)
    for key in (*unique_keys(home.source.table), *exclusion_keys(home.source.table)):
        yield _taken(home, key)


def foreign_keys(
    home: Homeward, homes: Mapping[TableName, Homeward], guarded: frozenset[Constraint] = frozenset()
) -> Iterator[Hindrance]:
    """Rows whose parent is gone, or goes home under another key.

    `guarded` are keys that a key of the target kept meanwhile: there only rows that differ can have lost theirs.
    """
    for constraint in home.source.table.foreign_keys:
        if constraint.enforced and not constraint.temporal:
            yield _orphans(home, homes, constraint, constraint in guarded and not home.to_backup)


def _counterpart(home: Homeward, number: int, rule: Rule) -> Hindrance:
    name, source = rule.column.name, home.source.name
    reason = f"{rule.place} {{value}} has no counterpart in {source}.{name}"
    if rule.values is None and rule.inverse is not None:
        reason += f" ({rule.column.type.sql})"
    remedy = _EDIT_IT if rule.values is None else f"{_known(rule.values)}; {_EDIT_IT}"
    query = sql.SQL(_SQL["no_inverse" if rule.inverse is None else "counterpart"]).format(
        differ=sql.SQL("false") if rule.inverse is None else _comes_back_otherwise(home, rule),
        forth=attempts.function(home, "forth", number),
        failed=sql.SQL("{} ? {}").format(home.at("failures"), sql.Literal(name)),
        value=sql.SQL("({})::pg_catalog.text").format(seen(home.fold.lens, rule)),
        open=home.open_edit(name),
        **_shared(home),
    )
    return _hindrance(home, Blocking.NO_COUNTERPART, reason, remedy, query, (name,))


def _comes_back_otherwise(home: Homeward, rule: Rule) -> sql.Composable:
    assert rule.place is not None
    value: sql.Composable = sql.SQL("f.value")
    if not rule.place.path:
        value = sql.SQL("f.value::{}").format(trusted(home.fold.lens.target[rule.place.column].type.sql))
    return rows_differ([seen(home.fold.lens, rule)], [value])


def _known(values: ValueMap) -> str:
    """The target's values that have a counterpart."""
    return listed(dict.fromkeys(text_of(value) or "NULL" for _, value in values.pairs), "or")


def _not_null(home: Homeward, name: str) -> Hindrance:
    query = sql.SQL(_SQL["broken"]).format(
        broken=sql.SQL("{} IS NULL").format(sql.Identifier("h", name)), value=sql.SQL("NULL"), **_shared(home)
    )
    reason = f"{_place(home, name)} is NULL, and {home.source.name}.{name} is NOT NULL"
    return _hindrance(home, Blocking.SOURCE_RULE, reason, _EDIT_IT, query, (name,))


def _computed(home: Homeward, number: int) -> Hindrance:
    column = home.source.table.columns[number]
    query = sql.SQL(_SQL["broken"]).format(
        broken=sql.SQL("{} ? {}").format(home.at("failures"), sql.Literal(column.name)),
        value=sql.SQL("{} ->> {}").format(home.at("failures"), sql.Literal(column.name)),
        **_shared(home),
    )
    reason = f"generated column {column.name} of {home.source.name} cannot be computed: {{value}}"
    return _hindrance(home, Blocking.SOURCE_RULE, reason, _EDIT_IT, query, column.generated_from)


def _check(home: Homeward, number: int, constraint: Constraint) -> Hindrance:
    query = sql.SQL(_SQL["attempted"]).format(
        attempt=attempts.function(home, "check", number),
        broken=sql.SQL("f.failure IS NOT NULL OR NOT f.value"),
        value=_values(constraint.columns),
        **_shared(home),
    )
    what = ", ".join(_place(home, name) for name in constraint.columns)
    reason = f"{what} {{value}} breaks CHECK {constraint.name} of {home.source.name}"
    return _hindrance(home, Blocking.SOURCE_RULE, reason, _EDIT_IT, query, constraint.columns)


def _indexed(home: Homeward, number: int) -> Hindrance:
    index = home.source.table.indexes[number]
    query = sql.SQL(_SQL["attempted"]).format(
        attempt=attempts.function(home, "index", number),
        broken=sql.SQL("f.failure IS NOT NULL"),
        value=sql.SQL("f.failure"),
        **_shared(home),
    )
    reason = f"index {index.name} of {home.source.name} cannot hold the row: {{value}}"
    return _hindrance(home, Blocking.SOURCE_RULE, reason, _EDIT_IT, query, index.expression_columns)


def _taken(home: Homeward, key: Key) -> Hindrance:
    """Only rows whose value changed are looked at: the others kept the rule before, and among themselves still do."""
    lens = replace(home.fold.lens, target=home.source.table)
    id_alone = sql.Identifier(home.book("id"))
    known = frozenset(column.name for column in home.source.table.columns)
    edits = [home.open_edit(name) for name in sorted(key.reads)]
    changed = joined([sql.SQL("{} = 'born'").format(home.at("fate")), *edits], " OR ")
    differing = Relation(sql.SQL("(SELECT h.* FROM {} h WHERE {} AND ({}))").format(
        home.table, home.is_written(), changed), known)  # fmt: skip
    query = sql.SQL(_SQL["taken"]).format(
        differing=keyed(lens, key, differing, [id_alone]),
        all=keyed(lens, key, Relation(as_home(home), known), [id_alone]),
        id_d=sql.Identifier("d", home.book("id")),
        id_a=sql.Identifier("a", home.book("id")),
        conflicting=conflicting(lens, key, "d", "a"),
        value=_first_of([sql.Identifier("d", name) for name in key.values]),
        **_shared(home),
    )
    verb = "overlaps another" if key.operators else "is taken"
    blame = tuple(sorted(key.reads))
    places = ", ".join(_place(home, name) for name in blame)
    reason = f"{places} {{value}} {verb}: {key.name} of {home.source.name} would not hold"
    return _hindrance(home, Blocking.SOURCE_RULE, reason, _EDIT_IT, query, blame)


def _orphans(home: Homeward, homes: Mapping[TableName, Homeward], constraint: Constraint, differing: bool) -> Hindrance:
    assert constraint.references is not None
    parent = homes.get(constraint.references)
    table = home.fold.schema[constraint.references]
    pairs = zip(constraint.columns, constraint.references_columns, strict=True)
    nulls = [sql.SQL("c.{} IS NULL").format(sql.Identifier(name)) for name in constraint.columns]
    query = sql.SQL(_SQL["orphans"]).format(
        rows=as_home(home),
        id_c=sql.Identifier("c", home.book("id")),
        key=output_array([sql.Identifier("c", name) for name in key_names(home.source)]),
        value=_first_of([sql.Identifier("c", name) for name in constraint.columns]),
        any_null=joined(nulls, " OR "),
        half=sql.SQL("({}) AND NOT ({})").format(joined(nulls, " OR "), joined(nulls, " AND "))
        if constraint.match_full and len(nulls) > 1
        else sql.SQL("false"),
        parent=as_home(parent) if parent else constraint.references.identifier,
        same=joined((equal_columns(home.source.table[a], "c", table[b], "p") for a, b in pairs), " AND "),
        among=sql.SQL("c.{} IS NOT NULL").format(sql.Identifier(home.book("id")))
        if differing or not constraint.validated
        else sql.SQL("true"),
    )
    reason = (
        f"{', '.join(constraint.columns)} {{value}} has no row in {constraint.references},"
        f" as foreign key {constraint.name} of {home.source.name} asks"
    )
    remedy = f"insert that row of {constraint.references} again, or {_EDIT_IT}"
    return Hindrance(Blocking.SOURCE_RULE, home.source.name, reason, remedy, query, home, constraint.columns)


def _hindrance(
    home: Homeward, kind: Blocking, reason: str, remedy: str, query: sql.Composed, blame: tuple[str, ...]
) -> Hindrance:
    return Hindrance(kind, home.fold.lens.target.name, reason, remedy, query, home, blame)


def _shared(home: Homeward) -> dict[str, sql.Composable]:
    return {
        "home": home.table,
        "id": home.at("id"),
        "key": home.target_key_text(),
        "target": home.fold.lens.target.name.identifier,
        "same": home.same_target(),
        "written": home.is_written(),
    }


def _place(home: Homeward, name: str) -> str:
    """Where a person edits what a source column takes home."""
    rule = home.source.rule(name)
    return str(rule.place) if rule.place is not None else name


def _values(names: tuple[str, ...]) -> sql.Composable:
    return _first_of([sql.Identifier("h", name) for name in names])


def _first_of(values: list[sql.Identifier]) -> sql.Composable:
    """One value as it is, several as a list."""
    if len(values) == 1:
        return sql.SQL("{}::pg_catalog.text").format(values[0])
    texts = joined(sql.SQL("COALESCE({}::pg_catalog.text, 'NULL')").format(value) for value in values)
    return sql.SQL("pg_catalog.array_to_string(ARRAY[{}]::pg_catalog.text[], ', ')").format(texts)
