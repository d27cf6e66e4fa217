"""What a spec asks for, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipelines.core.fold import Fold, Repoint
from pipelines.core.mapping_words import MappingFacts, scalar_text, set_rule, short_type
from pipelines.core.schema import Action, TableName
from pipelines.core.spec import Approval, KeyMode, OnConflict, RestKind, SourceSpec, Spec
from pipelines.core.wording import counted, number_word, span


class Voice(StrEnum):
    """How a part of a sentence is set."""

    PLAIN = "plain"
    NAME = "name"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a sentence."""

    text: str
    voice: Voice = Voice.PLAIN


Sentence = tuple[Part, ...]

ACTIONS = {
    Action.NO_ACTION: "NO ACTION",
    Action.RESTRICT: "RESTRICT",
    Action.CASCADE: "CASCADE",
    Action.SET_NULL: "SET NULL",
    Action.SET_DEFAULT: "SET DEFAULT",
}


def sentences(fold: Fold, facts: MappingFacts) -> tuple[Sentence, ...]:
    """What was asked for, in the order it is done; row counts are named where `facts` has them."""
    return tuple(
        _sentence(parts)
        for parts in (
            _target(fold),
            *_sources(fold),
            *_rest(fold.spec),
            *_constants(fold),
            *_conflicts(fold.spec),
            *_nullable(fold),
            *_children(fold, facts),
            *_accepted(fold.spec),
            *_end(fold.spec),
        )
    )


_Parts = Iterable[str | Part]


def _sentence(parts: _Parts) -> Sentence:
    return tuple(part if isinstance(part, Part) else Part(part) for part in parts)


def _name(table: TableName) -> Part:
    return Part(table.name, Voice.NAME)


def _code(text: str) -> Part:
    return Part(text, Voice.CODE)


def _and(parts: Sequence[Part]) -> Iterator[str | Part]:
    for n, part in enumerate(parts):
        if n:
            yield " and " if n == len(parts) - 1 else ", "
        yield part


def _target(fold: Fold) -> Iterator[str | Part]:
    yield from ("Keep ", _name(fold.spec.target))
    if fold.added:
        yield from ("; add ", *_and([_code(added.name) for added in fold.added]))
    yield "."


def _sources(fold: Fold) -> Iterator[_Parts]:
    kept = [_name(s.name) for s in fold.lens.sources if s.spec.key is KeyMode.KEEP]
    if kept:
        yield ("Bring in ", *_and(kept), " under its own keys." if len(kept) == 1 else " under their own keys.")
    for source in fold.lens.sources:
        if source.spec.key is KeyMode.NEW:
            was, becomes = short_type(source.key[0].type), short_type(fold.lens.key[0].type)
            why = "" if was == becomes else f", because its key is {was} and that of {fold.spec.target.name} {becomes}"
            yield ("Bring in ", _name(source.name), f" under new keys{why}.")
    for expected in (s for s in fold.spec.sources if s.expect_empty):
        yield ("Prove that ", _name(expected.table), " is empty.")


def _rest(spec: Spec) -> Iterator[_Parts]:
    for source in spec.sources:
        match source.rest.kind:
            case RestKind.SAME_NAME:
                pass
            case RestKind.PATH:
                yield ("What the spec does not name of ", _name(source.table), " goes into ",
                       _code(str(source.rest.place)), ".")  # fmt: skip
            case RestKind.DROP:
                yield ("What the spec does not name of ", _name(source.table), " stays in the archive alone.")


def _constants(fold: Fold) -> Iterator[_Parts]:
    for source in fold.lens.sources:
        rules = [set_rule(source, constant) for constant in source.constants]
        plain = [_code(f"{r.place} = {scalar_text(r.constant)}") for r in rules if r.expression is None]
        if plain:
            yield ("Rows of ", _name(source.name), " get ", *_and(plain), ".")


def _conflicts(spec: Spec) -> Iterator[_Parts]:
    for source in spec.sources:
        if source.on_conflict is OnConflict.SKIP:
            yield ("Skip a row of ", _name(source.table), " whose key or unique value ", _name(spec.target), " has.")


def _nullable(fold: Fold) -> Iterator[_Parts]:
    if fold.dropped_not_null:
        yield ("Let ", *_and([_code(name) for name in fold.dropped_not_null]), " be NULL from now on.")


def _children(fold: Fold, facts: MappingFacts) -> Iterator[_Parts]:
    for repoint in fold.repoints:
        said = "; ".join((*_child_facts(repoint, facts),))
        rule = f", delete rule {ACTIONS[repoint.on_delete]}" if repoint.constrained else ""
        yield ("Repoint ", _name(repoint.child), f" ({said})" if said else "", f"{rule}.")
    for change in fold.rule_changes:
        rule = f" gets the delete rule {ACTIONS[change.on_delete]}"
        if change.on_update is not change.constraint.on_update:
            rule += f" and the update rule {ACTIONS[change.on_update]}"
        yield (_name(change.constraint.table), f"{rule}.")


def _child_facts(repoint: Repoint, facts: MappingFacts) -> Iterator[str]:
    if repoint.child in facts.rows:
        yield counted(facts.rows[repoint.child], "row")
    for child in repoint.columns:
        was, becomes = short_type(child.column.type), short_type(child.type)
        if was != becomes:
            yield f"{was} to {becomes}"


def _accepted(spec: Spec) -> Iterator[_Parts]:
    if spec.accept:
        yield ("Accept ", *_and([_code(str(risk)) for risk in sorted(spec.accept)]), ".")


def _end(spec: Spec) -> Iterator[_Parts]:
    if spec.approval in (Approval.CUT_OVER, Approval.BOTH):
        yield ("Cut over once a person approved.",)
    tables = _all_tables(spec.sources)
    when = f"after {span(spec.drop_after)}" if spec.drop_after else "at any time"
    approved = ", once a person approved" if spec.approval in (Approval.DROP, Approval.BOTH) else ""
    yield ("Drop ", *tables, f" {when}{approved}.")


def _all_tables(sources: Sequence[SourceSpec]) -> _Parts:
    match sources:
        case [only]:
            return (_name(only.table),)
        case [_, _]:
            return ("both tables",)
        case _:
            return (f"all {number_word(len(sources))} tables",)
