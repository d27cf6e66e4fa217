"""A defs.yaml as a Spec: every mistake at once, each with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

from pydantic import ValidationError

from pipelines.core.errors import SpecError
from pipelines.core.findings import Finding, error
from pipelines.core.spec import (
    AddColumn,
    ColumnRule,
    CustomSql,
    ForeignKeyRule,
    Otherwise,
    SetRule,
    SourceSpec,
    Spec,
    ValueMap,
)
from pipelines.core.spec_checks import check_spec
from pipelines.core.spec_fields import parse_place
from pipelines.core.spec_mistakes import close_to, mistakes
from pipelines.core.spec_model import ColumnRuleModel, ConsolidationModel, SourceModel
from pipelines.core.yaml_text import (
    Leaf,
    LinesByPath,
    Mapping,
    Node,
    Path,
    lines_of,
    nearest_line,
    plain,
    read_yaml,
    without,
)

_TYPES = ("pipelines.Consolidation", "pipelines.component.Consolidation")
_FILE_KEYS = ("type", "attributes", "template_vars_module", "requirements", "post_processing")


def parse_spec(name: str, text: str, path_label: str) -> Spec:
    """Read the text of a defs.yaml; `name` is its folder's, `path_label` says in messages which file it is.

    Raises:
        SpecError: `findings` has every mistake in the order of the file; the message lists them with their lines.
    """
    document, unreadable = read_yaml(text)
    attributes, misplaced = _attributes(document) if document else (None, ())
    spec, wrong = _validated(name, attributes, text) if attributes else (None, ())
    findings = (*unreadable, *misplaced, *wrong)
    if spec is None or findings:
        raise _spec_error(name, findings, path_label)
    return spec


def spec_from_model(name: str, model: ConsolidationModel, text: str, lines: LinesByPath) -> Spec:
    """The spec of a validated model; `lines` by path below `attributes`, empty where they are not known.

    Raises:
        SpecError: what only the whole spec shows is wrong (`spec_checks`).
    """
    spec = _spec(name, model, text, lines)
    findings = check_spec(spec, lines)
    if findings:
        raise _spec_error(name, findings, "attributes")
    return spec


def _attributes(document: Node) -> tuple[Mapping | None, tuple[Finding, ...]]:
    if not isinstance(document, Mapping):
        return None, (error("yaml", "file", "the file is no mapping", "write type: and attributes:", document.line),)
    findings = [
        error("unknown", "file", f'unknown key "{entry.key}"', close_to(str(entry.key), _FILE_KEYS), entry.line)
        for entry in document.entries
        if entry.key not in _FILE_KEYS
    ]
    findings += _type(document)
    attributes = document.get("attributes")
    if isinstance(attributes, Mapping):
        return attributes, tuple(findings)
    line = nearest_line(lines_of(document), ("attributes",))
    remedy = "write target: and sources: below it"
    return None, (*findings, error("missing", "file", "attributes is missing or empty", remedy, line))


def _type(document: Mapping) -> tuple[Finding, ...]:
    written = document.get("type")
    if isinstance(written, Leaf) and written.value in _TYPES:
        return ()
    line = nearest_line(lines_of(document), ("type",))
    return (error("type", "file", "the type is not that of a consolidation", f"write type: {_TYPES[0]}", line),)


def _validated(name: str, attributes: Mapping, text: str) -> tuple[Spec | None, tuple[Finding, ...]]:
    """The spec, if its form is right, and every mistake; what is wrong is left out, so that the rest is checked too."""
    try:
        model = ConsolidationModel.model_validate(plain(attributes))
    except ValidationError as problem:
        wrong = frozenset(_left_out(tuple(details["loc"])) for details in problem.errors())
        return None, (*mistakes(problem, lines_of(attributes)), *_beside(name, without(attributes, wrong), text))
    known = lines_of(attributes)
    spec = _spec(name, model, text, known)
    return spec, check_spec(spec, known)


def _beside(name: str, attributes: Node, text: str) -> tuple[Finding, ...]:
    try:
        # A wrong target is reported already; any table does to check the rest against.
        model = ConsolidationModel.model_validate({"target": "?", **plain(attributes)})
    except ValidationError:
        return ()
    known = lines_of(attributes)
    return check_spec(_spec(name, model, text, known), known)


def _left_out(path: Path) -> Path:
    """The smallest whole that a mistake spoils: a rule, an entry of a list, or an attribute."""
    match path:
        case ("sources", int(), "columns" | "set", _, *_):
            return path[:4]
        case ("sources", int(), "table", *_) | ("sources", int()):
            return path[:2]
        case ("sources", int(), _, *_):
            return path[:3]
        case ("add_columns" | "foreign_keys", _, *_):
            return path[:2]
        case _:
            return path[:1]


def _spec_error(name: str, findings: Iterable[Finding], path_label: str) -> SpecError:
    ordered = sorted(findings, key=lambda finding: finding.spec_line or 0)
    count = "1 mistake" if len(ordered) == 1 else f"{len(ordered)} mistakes"
    listed = (f"  {_place(finding, path_label)}  {_sentence(finding)}" for finding in ordered)
    return SpecError("\n".join((f"{name}: {count}", *listed)), ordered, path_label)


def _place(finding: Finding, path_label: str) -> str:
    return f"{path_label}:{finding.spec_line}" if finding.spec_line else path_label


def _sentence(finding: Finding) -> str:
    return f"{finding.message}; {finding.remedy}" if finding.remedy else finding.message


def _spec(name: str, model: ConsolidationModel, text: str, lines: LinesByPath) -> Spec:
    return Spec(
        name=name,
        target=model.target,
        sources=tuple(_source(source, at, lines) for at, source in enumerate(model.sources)),
        description=model.description,
        add_columns=_added(model, lines),
        drop_not_null=model.drop_not_null,
        foreign_keys=_foreign_keys(model, lines),
        accept=frozenset(model.accept),
        approval=model.approval,
        drop_after=model.drop_after,
        batch_rows=model.batch_rows,
        lock_timeout_s=model.lock_timeout.total_seconds(),
        lock_wait_s=model.lock_wait.total_seconds(),
        text=text,
        sha256=sha256(text.encode()).hexdigest(),
        target_line=nearest_line(lines, ("target",)),
    )


def _source(model: SourceModel, at: int, lines: LinesByPath) -> SourceSpec:
    here: Path = ("sources", at)
    return SourceSpec(
        table=model.table,
        key=model.key,
        key_columns=model.key_columns,
        columns=tuple(
            _column(column, rule, nearest_line(lines, (*here, "columns", column)))
            for column, rule in model.columns.items()
        ),
        rest=replace(model.rest, line=nearest_line(lines, (*here, "rest"))),
        set=tuple(
            SetRule(parse_place(key), value.constant, value.expression, nearest_line(lines, (*here, "set", key)))
            for key, value in model.set.items()
        ),
        on_conflict=model.on_conflict,
        expect_empty=model.expect_empty,
        line=nearest_line(lines, here),
    )


def _column(name: str, model: ColumnRuleModel, line: int | None) -> ColumnRule:
    custom = None if model.forward is None else CustomSql(model.forward, model.inverse)
    return ColumnRule(name, model.to, _value_map(model), custom, model.lossy, line)


def _value_map(model: ColumnRuleModel) -> ValueMap | None:
    if model.values is None:
        return None
    pairs = tuple(model.values.items())
    match model.otherwise:
        case "error" | "keep":
            return ValueMap(pairs, Otherwise(model.otherwise))
        case None:
            return ValueMap(pairs, Otherwise.NULL)
        case value:
            return ValueMap(pairs, Otherwise.VALUE, value)


def _added(model: ConsolidationModel, lines: LinesByPath) -> tuple[AddColumn, ...]:
    def line(name: str) -> int | None:
        return nearest_line(lines, ("add_columns", name))

    return tuple(
        AddColumn(name, added.type, added.default, added.not_null, added.check, line(name))
        for name, added in model.add_columns.items()
    )


def _foreign_keys(model: ConsolidationModel, lines: LinesByPath) -> tuple[ForeignKeyRule, ...]:
    return tuple(
        ForeignKeyRule(
            rule.table,
            rule.columns,
            rule.references,
            rule.on_delete,
            rule.on_update,
            nearest_line(lines, ("foreign_keys", at)),
        )
        for at, rule in enumerate(model.foreign_keys)
    )
