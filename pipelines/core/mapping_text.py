"""The mapping as aligned lines: source column, mark, place in the target, remark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipelines.core.lens import Constant, Lens, Rule, SourceLens
from pipelines.core.mapping_words import (
    Kind,
    MappingFacts,
    column_count,
    constant_words,
    kind_of,
    kinds_of,
    place_of,
    remark,
    scalar_text,
    set_rule,
    type_words,
    untouched,
)
from pipelines.core.place import Place
from pipelines.core.text_lines import WIDTH, wrapped
from pipelines.core.wording import NO_BREAK, counted, number, padded, visible, width_of

_INDENT, _MARK = 2, 5  # a mark stands between two blanks on either side


@dataclass(frozen=True, slots=True)
class _Line:
    left: str
    mark: str
    right: str
    remark: str = ""


def mapping_lines(lens: Lens, facts: MappingFacts, width: int = WIDTH) -> list[str]:
    """Every source column and constant with its place; remarks that do not fit beside stand below."""
    groups = [[*_source_lines(lens, source, facts)] for source in lens.sources]
    left, right = _widths([line for group in groups for line in group], width)
    lines = [text for group in groups for text in (*_laid_out(group, left, right, width), "")]
    return [*lines, *_empty_lines(lens), *_summary(lens, facts, width)]


def _source_lines(lens: Lens, source: SourceLens, facts: MappingFacts) -> Iterator[_Line]:
    yield _Line(visible(source.name.name), "", visible(lens.target.name.name))
    for rule in source.rules:
        said = visible(remark(source, rule, facts))
        yield _Line(_column(rule), kind_of(rule).mark, _place(lens, place_of(lens, rule)), said)
    for constant in source.constants:
        yield _constant_line(lens, source, constant, facts)


def _column(rule: Rule) -> str:
    return visible(f"{rule.column.name} {type_words(rule.column)}")


def _place(lens: Lens, place: Place | None) -> str:
    if place is None:
        return ""
    return visible(str(place) if place.path else f"{place.column} {type_words(lens.target[place.column])}")


def _constant_line(lens: Lens, source: SourceLens, constant: Constant, facts: MappingFacts) -> _Line:
    rule = set_rule(source, constant)
    added = "added, " if not constant.place.path and constant.place.column in facts.added else ""
    said = f"{added}{constant_words(source, constant)}"
    value = rule.expression or scalar_text(rule.constant)
    return _Line(visible(value), Kind.KEPT.mark, _place(lens, constant.place), said)


def _widths(lines: Iterable[_Line], width: int) -> tuple[int, int]:
    """How wide the two sides are: as their cells, but no more than half of a line each."""
    half = (width - _INDENT - _MARK) // 2
    listed = [*lines]
    sides = ([width_of(line.left) for line in listed], [width_of(line.right) for line in listed])
    left, right = (max([size for size in side if size <= half], default=0) for side in sides)
    return left, right


def _laid_out(group: Iterable[_Line], left: int, right: int, width: int) -> Iterator[str]:
    for line in group:
        went = f"  {line.mark or ' '}  {line.right}"
        fits = _INDENT + left + width_of(went) <= width
        begun = " " * _INDENT + line.left
        if width_of(line.left) > left or not fits:
            yield begun
            begun = ""
        text = f"{padded(begun, _INDENT + left if fits else _INDENT)}{went}".rstrip()
        yield from _with_remark(text, line, left, right, width)


def _with_remark(text: str, line: _Line, left: int, right: int, width: int) -> Iterator[str]:
    """The remark below the others; else right after the place; else in lines of its own."""
    for column in (_INDENT + left + _MARK + right + 2, width_of(text) + 2):
        if width_of(text) < column and column + width_of(line.remark) <= width:
            yield f"{padded(text, column)}{line.remark}".rstrip().replace(NO_BREAK, " ")
            return
    yield text
    yield from wrapped(line.remark, width, "      ", "      ")


def _empty_lines(lens: Lens) -> Iterator[str]:
    for table in lens.empty:
        yield f"  {visible(table.name.name)}: {counted(len(table.columns), 'column')}, no row to bring"


def _summary(lens: Lens, facts: MappingFacts, width: int) -> list[str]:
    kinds = kinds_of(lens)
    lossy = f", {kinds[Kind.LOSSY]} lossy" if Kind.LOSSY in kinds else ""
    said = f"{counted(column_count(lens), 'column')}, all placed{lossy}" if lens.sources else ""
    others = len(untouched(lens, facts))
    only = f"{number(others)} more that only {visible(lens.target.name.name)} has, untouched" if others else ""
    sentence = "; ".join(part for part in (said, only) if part)
    legend = ", ".join(f"{kind.mark} {kind.label}".replace(" ", NO_BREAK) for kind in kinds)
    return [line for text in (sentence, legend) if text for line in wrapped(text, width, "  ", "  ")]
