"""From a spec and the catalog to the lens, or to every reason why not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.core.expression import Expression, authored
from pipelines.core.findings import Finding, error
from pipelines.core.lens import Constant, Lens, Rule, SourceLens, Treatment
from pipelines.core.lens_rules import constant_rule, custom_rule, plain_rule, value_map_rule
from pipelines.core.place import Place
from pipelines.core.placement import place_all
from pipelines.core.references import follow_references
from pipelines.core.schema import Column, ColumnType, Schema, Table
from pipelines.core.spec import ColumnRule, KeyMode, RestKind, SourceSpec, Spec


@dataclass(frozen=True, slots=True)
class Built:
    """The lens where it could be built, and what there is to say about it."""

    lens: Lens | None
    findings: tuple[Finding, ...]


def build_lens(spec: Spec, schema: Schema, added_types: Mapping[str, ColumnType], drawn: Collection[str] = ()) -> Built:
    """Derive the lens; `added_types` describes each type text of `add_columns`.

    `drawn` are the added columns whose default is volatile: what a row gets is not known before it is made.
    """
    missing = tuple(_missing_tables(spec, schema))
    if missing:
        return Built(None, missing)
    target = target_with_additions(spec, schema[spec.target], added_types, drawn)
    key, key_findings = choose_key(target, (), spec.target_line)
    sources: list[SourceLens] = []
    findings = [*key_findings, *_target_findings(spec, schema[spec.target], added_types)]
    for number, source in enumerate(spec.sources, 1):
        if source.expect_empty and not source.columns:
            continue
        built, found = _build_source(number, source, schema[source.table], target)
        sources.append(built)
        findings += found
    if any(not source.key for source in sources) or not key:
        return Built(None, tuple(findings))
    sources = follow_references(spec, schema, target, key, sources)
    placed = [place_all(source, target, key) for source in sources]
    findings += [finding for _, found in placed for finding in found]
    empty = tuple(schema[s.table] for s in spec.sources if s.expect_empty and not s.columns)
    return Built(Lens(target, key, tuple(source for source, _ in placed), empty), tuple(findings))


def target_with_additions(
    spec: Spec, target: Table, added_types: Mapping[str, ColumnType], drawn: Collection[str] = ()
) -> Table:
    """The target as it will be: with the added columns it lacks, and without the NOT NULLs that are dropped."""
    kept = [replace(c, not_null=c.not_null and c.name not in spec.drop_not_null) for c in target.columns]
    last = max((c.position for c in target.columns), default=0)
    added = [
        Column(a.name, added_types[a.type], last + n, a.not_null, a.default, a.name in drawn)
        for n, a in enumerate(spec.add_columns, 1)
        if target.column(a.name) is None and a.type in added_types
    ]
    return replace(target, columns=(*kept, *added))


def choose_key(table: Table, wanted: Sequence[str], line: int | None) -> tuple[tuple[Column, ...], tuple[Finding, ...]]:
    """Its primary key; else its only NOT NULL unique key; else the one the spec names."""
    candidates = table.not_null_unique_keys
    if wanted:
        if set(wanted) in [set(candidate) for candidate in candidates]:
            return tuple(table[name] for name in wanted), ()
        message = f"key_columns {', '.join(wanted)} of {table.name} are not a NOT NULL unique key"
        return (), (error("key", str(table.name), message, "name the columns of one that is", line),)
    if table.primary_key:
        return tuple(table[name] for name in table.primary_key), ()
    match candidates:
        case (only,):
            return tuple(table[name] for name in only), ()
        case ():
            message = f"{table.name} has no primary key and no NOT NULL unique key, so its rows cannot be told apart"
            return (), (error("key", str(table.name), message, "give it a primary key first", line),)
        case _:
            listed = "; ".join(", ".join(candidate) for candidate in candidates)
            message = f"{table.name} has no primary key and several NOT NULL unique keys: {listed}"
            return (), (error("key", str(table.name), message, "choose one: key_columns: [...]", line),)


def _missing_tables(spec: Spec, schema: Schema) -> Iterator[Finding]:
    lines = {spec.target: spec.target_line} | {s.table: s.line for s in spec.sources}
    for name, line in lines.items():
        if schema.table(name) is None:
            yield error("missing_table", str(name), f"table {name} does not exist", "check its name and schema", line)


def _target_findings(spec: Spec, target: Table, added_types: Mapping[str, ColumnType]) -> Iterator[Finding]:
    for added in spec.add_columns:
        known = added_types.get(added.type)
        there = target.column(added.name)
        if known is None:
            message = f"add_columns: {added.name} has type {added.type}, which the database does not know"
            yield error("unknown_type", f"{target.name}.{added.name}", message, "check the type's name", added.line)
        elif there is not None and there.type.sql != known.sql:
            message = f"column {added.name} of {target.name} exists with type {there.type.sql}, not {known.sql}"
            yield error(
                "added_column_type",
                f"{target.name}.{added.name}",
                message,
                "use its type, or another name",
                added.line,
            )
        elif there is None and (known.domain_checks or known.domain_not_null or known.domain_default is not None):
            # ADD COLUMN then writes every row again, whatever the default (manual, ALTER TABLE, Notes)
            message = f"add_columns: {added.name} has type {known.sql}, a domain with rules or a default of its own:"
            message += f" every row of {target.name} would be written again under a lock"
            remedy = f"use {known.base}, with check: and default:"
            yield error("rewrites", f"{target.name}.{added.name}", message, remedy, added.line)
    for name in spec.drop_not_null:
        if target.column(name) is None:
            message = f"drop_not_null: {target.name} has no column {name}"
            yield error("unknown_column", f"{target.name}.{name}", message, "check its name", spec.target_line)


def _build_source(number: int, spec: SourceSpec, table: Table, target: Table) -> tuple[SourceLens, tuple[Finding, ...]]:
    key, findings = choose_key(table, spec.key_columns, spec.line)
    written = [*_written_rules(spec, table, target)]
    constants = [*_constants(spec, table, target)]
    rules = [item for item in written if isinstance(item, Rule)]
    taken = [rule.place for rule in rules if rule.place] + [c.place for c in constants if isinstance(c, Constant)]
    rest = [*_rest_place(spec, target), *_rest(spec, table, target, {rule.column.name for rule in rules}, taken, key)]
    rules += [item for item in rest if isinstance(item, Rule)]
    found = [item for item in (*written, *constants, *rest) if isinstance(item, Finding)]
    order = {column.name: column.position for column in table.columns}
    rules.sort(key=lambda rule: order[rule.column.name])
    lens = SourceLens(
        number, table, spec, key, tuple(rules), tuple(c for c in constants if isinstance(c, Constant)), ()
    )
    return lens, (*findings, *found, *_expression_findings(spec, table, target))


def _written_rules(spec: SourceSpec, table: Table, target: Table) -> Iterator[Rule | Finding]:
    for rule in spec.columns:
        source = table.column(rule.column)
        if source is None:
            message = f"{table.name} has no column {rule.column!r}"
            yield error("unknown_column", f"{table.name}.{rule.column}", message, "check its name", rule.line)
        elif source.generated:
            message = f"column {rule.column!r} of {table.name} is generated and is computed again when it comes back"
            yield error(
                "generated", f"{table.name}.{rule.column}", message,
                "leave the rule out; to have the value in the target, use set: with an expression", rule.line,
            )  # fmt: skip
        else:
            yield _place_finding(rule.place, target, rule.line) or _written_rule(source, rule, target)


def _written_rule(source: Column, rule: ColumnRule, target: Table) -> Rule:
    if rule.values is not None:
        return value_map_rule(source, rule, rule.values, target)
    if rule.custom is not None:
        return custom_rule(source, rule, rule.custom, target)
    return plain_rule(source, rule.place, target, rule.lossy, rule.line)


def _constants(spec: SourceSpec, table: Table, target: Table) -> Iterator[Constant | Finding]:
    for rule in spec.set:
        yield _place_finding(rule.place, target, rule.line) or constant_rule(rule, target)


def _place_finding(place: Place, target: Table, line: int | None) -> Finding | None:
    goal = target.column(place.column)
    if goal is None:
        remedy = "check its name, or add it with add_columns"
        return error("unknown_column", f"{target.name}.{place.column}", f"{target.name} has no column {place.column!r}",
                     remedy, line)  # fmt: skip
    if goal.generated:
        message = f"column {goal.name} of {target.name} is generated, so nothing can be written to it"
        return error("generated", f"{target.name}.{goal.name}", message, "map to another column", line)
    if place.path and goal.type.bare not in ("json", "jsonb"):
        message = f"{place}: column {goal.name} of {target.name} is {goal.type.sql}, so it has no paths"
        return error("not_json", f"{target.name}.{goal.name}", message, "name a json or jsonb column", line)
    return None


def _rest_place(spec: SourceSpec, target: Table) -> Iterator[Finding]:
    """A place that is not there, though no column would go there today."""
    place = spec.rest.place
    if place is not None and target.column(place.column) is None:
        message = f"rest: {target.name} has no column {place.column!r}"
        yield error("unknown_column", f"{target.name}.{place.column}", message, "check its name", spec.rest.line)


def _rest(
    spec: SourceSpec,
    table: Table,
    target: Table,
    named: set[str],
    taken: list[Place],
    key: tuple[Column, ...],
) -> Iterator[Rule | Finding]:
    key_names = {c.name for c in key} if spec.key is KeyMode.NEW else set()
    for source in table.columns:
        if source.name in named:
            continue
        if source.generated:
            yield Rule(source, None, Treatment.GENERATED)
        elif source.name in key_names:
            yield Rule(source, None, Treatment.ROW_MAP)
        else:
            yield _rest_rule(spec, table, source, target, taken)


def _rest_rule(spec: SourceSpec, table: Table, source: Column, target: Table, taken: list[Place]) -> Rule | Finding:
    line = spec.rest.line or spec.line
    match spec.rest.kind:
        case RestKind.DROP:
            return Rule(source, None, Treatment.DROPPED, lossy=True, line=line)
        case RestKind.PATH:
            assert spec.rest.place is not None
            place = Place(spec.rest.place.column, (*spec.rest.place.path, source.name))
            return _place_finding(place, target, line) or _clash(place, taken, table, source, line) or plain_rule(
                source, place, target, False, line
            )  # fmt: skip
        case RestKind.SAME_NAME:
            place = Place(source.name)
            goal = target.column(source.name)
            if goal is None or goal.generated:
                message = f"column {source.name!r} of {table.name} has no place in {target.name}"
                remedy = f"map it, or set rest: {_some_document(target)}"
                return error("no_place", f"{table.name}.{source.name}", message, remedy, spec.line)
            return _clash(place, taken, table, source, line) or plain_rule(source, place, target, False, line)


def _some_document(target: Table) -> str:
    found = next((c.name for c in target.columns if c.type.bare == "jsonb"), None)
    return f"{found}.legacy" if found else "drop (lossy)"


def _clash(place: Place, taken: list[Place], table: Table, source: Column, line: int | None) -> Finding | None:
    other = next((t for t in taken if t.holds(place) or place.holds(t)), None)
    if other is None:
        return None
    message = f"column {source.name!r} of {table.name} would go to {place}, where {other} is written already"
    return error("two_rules", f"{table.name}.{source.name}", message, "map it to another place", line)


def _expression_findings(spec: SourceSpec, table: Table, target: Table) -> Iterator[Finding]:
    for rule in spec.columns:
        if rule.custom is None:
            continue
        yield from _unknown_names(authored(rule.custom.forward), table, "forward", rule.line)
        if rule.custom.inverse is not None:
            yield from _unknown_names(authored(rule.custom.inverse), target, "inverse", rule.line)
    for constant in spec.set:
        if constant.expression is not None:
            yield from _unknown_names(authored(constant.expression), table, "set", constant.line)


def _unknown_names(expression: Expression, table: Table, what: str, line: int | None) -> Iterator[Finding]:
    for name in expression.columns:
        if table.column(name) is None:
            message = f"{what} reads {{{name}}}, but {table.name} has no column {name!r}"
            yield error("unknown_column", f"{table.name}.{name}", message, "check its name", line)
