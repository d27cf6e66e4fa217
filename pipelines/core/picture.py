"""The mapping as a picture: the sources' columns left, the target's right, a curve for each that travels.

`picture_of` says what is drawn and `laid_out` where; `picture_svg` draws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pipelines.core.lens import Constant, Lens, Rule, SourceLens, Treatment
from pipelines.core.mapping_words import (
    Kind,
    MappingFacts,
    constant_json_words,
    constant_words,
    json_words,
    kept_places,
    kind_of,
    kinds_of,
    loss_of,
    place_of,
    type_words,
    untouched,
)
from pipelines.core.place import Place
from pipelines.core.schema import Column, Table
from pipelines.core.wording import counted, number


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a box. `id` names it; `joins` are the rows that a curve joins it with; `y` is its middle, in px."""

    id: str
    label: str
    type: str
    remark: str = ""
    depth: int = 0  # of a JSON path below its column
    faint: bool = False  # nothing arrives or leaves
    lossy: bool = False
    joins: tuple[str, ...] = ()
    y: float = 0


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in a row, and in how few words where the row is too narrow."""

    full: str = ""
    brief: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One table; `y` is the middle of its title, `note_y` of what is said below its rows."""

    title: str
    subtitle: Words
    rows: tuple[Row, ...]
    note: Words = Words()
    y: float = 0
    note_y: float = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """From a source's row to one of the target's, by their ids."""

    start: str
    end: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn. `kinds` counts the source columns of each kind; `height` is in px once it is laid out."""

    sources: tuple[Box, ...]
    target: Box
    curves: tuple[Curve, ...]
    kinds: Mapping[Kind, int]
    height: float = 0

    @property
    def keeps(self) -> bool:
        """Whether an exact value of a lossy column is kept in the target."""
        return any(curve.kind is Kind.KEPT for curve in self.curves)

    @property
    def sentence(self) -> str:
        """What the picture shows, for one who does not see it."""
        columns = sum(len(box.rows) for box in self.sources)
        names = ", ".join(box.title for box in self.sources)
        parts = ", ".join(f"{count} {kind.label}" for kind, count in self.kinds.items())
        return f"{counted(columns, 'column')} of {names} and where each goes in {self.target.title}: {parts}"


def picture_of(lens: Lens, facts: MappingFacts) -> Picture:
    """The boxes and curves of a lens, not laid out yet."""
    ends = _target_ids(lens, facts)
    curves = tuple(_curves(lens, ends))
    sources = tuple(_source_box(source, facts, curves) for source in lens.sources)
    empty = tuple(_empty_box(table, facts) for table in lens.empty)
    return Picture((*sources, *empty), _target_box(lens, facts, ends, curves), curves, kinds_of(lens))


HEADER, FIRST, PITCH, WIDEST_PITCH, GAP, MARGIN = 16, 19, 24, 30, 45, 34


def laid_out(picture: Picture) -> Picture:
    """With every `y` and the height; the shorter side is spaced out, up to a limit."""
    bottom = _stacked_height(picture.sources)
    count = len(picture.target.rows) + bool(picture.target.note.full)
    pitch = min(max((bottom - MARGIN - HEADER - FIRST) / max(count - 1, 1), PITCH), WIDEST_PITCH)
    sources, y = [], float(MARGIN)
    for box in picture.sources:
        sources.append(_placed(box, y, PITCH))
        y += _box_height(box) + GAP
    target = _placed(picture.target, MARGIN, pitch)
    right = MARGIN + HEADER + FIRST + (count - 1) * pitch
    return replace(picture, sources=tuple(sources), target=target, height=max(bottom, right) + MARGIN)


def _stacked_height(boxes: Iterable[Box]) -> float:
    heights = [_box_height(box) for box in boxes]
    return MARGIN + sum(heights) + GAP * (len(heights) - 1)


def _box_height(box: Box) -> float:
    return HEADER + FIRST + PITCH * (len(box.rows) + bool(box.note.full) - 1)


def _placed(box: Box, y: float, pitch: float) -> Box:
    first = y + HEADER + FIRST
    rows = tuple(replace(row, y=first + n * pitch) for n, row in enumerate(box.rows))
    return replace(box, y=y, rows=rows, note_y=first + len(rows) * pitch)


def _source_box(source: SourceLens, facts: MappingFacts, curves: tuple[Curve, ...]) -> Box:
    rows = tuple(_source_row(source, rule, facts, curves) for rule in source.rules)
    return Box(source.name.name, _rows_words(facts.rows.get(source.name)), rows)


def _source_row(source: SourceLens, rule: Rule, facts: MappingFacts, curves: tuple[Curve, ...]) -> Row:
    own = _source_id(source, rule)
    joins = tuple(curve.end for curve in curves if curve.start == own)
    return Row(
        own,
        rule.column.name,
        type_words(rule.column),
        remark=_source_remark(source, rule, facts),
        faint=not joins,
        lossy=rule.lossy,
        joins=joins,
    )


def _source_remark(source: SourceLens, rule: Rule, facts: MappingFacts) -> str:
    loss = loss_of(source, rule, facts)
    if loss:
        return f"{counted(loss.values, 'value')} → {loss.becomes or 'fewer'}"
    if rule.treatment is Treatment.DROPPED:
        return "not kept"
    return "lossy" if rule.lossy else "computed" if rule.treatment is Treatment.GENERATED else ""


def _empty_box(table: Table, facts: MappingFacts) -> Box:
    note = f"{counted(len(table.columns), 'column')}, no row to bring"
    return Box(table.name.name, _rows_words(facts.rows.get(table.name)), (), Words(note, "no row to bring"))


def _rows_words(rows: int | None) -> Words:
    return Words() if rows is None else Words(counted(rows, "row"), number(rows))


def _source_id(source: SourceLens, rule: Rule) -> str:
    return f"s{source.number}-{rule.column.position}"


def _curves(lens: Lens, ends: Mapping[Place, str]) -> Iterator[Curve]:
    for source in lens.sources:
        for rule in source.rules:
            place = place_of(lens, rule)
            if place is not None:
                yield Curve(_source_id(source, rule), ends[place], kind_of(rule))
            for place in kept_places(source, rule):
                yield Curve(_source_id(source, rule), ends[place], Kind.KEPT)


def _target_ids(lens: Lens, facts: MappingFacts) -> dict[Place, str]:
    """An id for every place that is shown: columns, and the paths below them with all that enclose them."""
    left_out = {column.name for column in untouched(lens, facts)}
    places: list[Place] = []
    for column in lens.target.columns:
        if column.name not in left_out:
            places += _tree(column, (item.place for item in _written(lens) if item.place))
    return {place: f"t{n}" for n, place in enumerate(places, 1)}


def _tree(column: Column, written: Iterable[Place]) -> tuple[Place, ...]:
    """The column's places, each after the one that encloses it; values before objects, else in order of first use."""
    paths: dict[tuple[str, ...], None] = {}
    for place in written:
        if place.column == column.name:
            paths |= dict.fromkeys(place.path[:n] for n in range(1, len(place.path) + 1))
    objects = {path[:-1] for path in paths}
    order = {path: (path in objects, n) for n, path in enumerate(paths)}
    below = sorted(paths, key=lambda path: [order[path[:n]] for n in range(1, len(path) + 1)])
    return (Place(column.name), *(Place(column.name, path) for path in below))


def _written(lens: Lens) -> tuple[Rule | Constant, ...]:
    found: list[Rule | Constant] = []
    for source in lens.sources:
        found += [*source.rules, *source.constants]
    return tuple(found)


def _target_box(lens: Lens, facts: MappingFacts, ends: Mapping[Place, str], curves: tuple[Curve, ...]) -> Box:
    rows = tuple(_target_row(lens, facts, place, own, curves) for place, own in ends.items())
    others = len(untouched(lens, facts))
    name = lens.target.name.name
    note = Words(f"{number(others)} more that only {name} has, untouched", f"{number(others)} more, untouched")
    return Box(name, _target_subtitle(facts), rows, note if others else Words())


def _target_subtitle(facts: MappingFacts) -> Words:
    before, after = facts.target_rows, facts.target_rows_after
    if before is None or after is None:
        return _rows_words(before if after is None else after)
    return Words(f"{counted(before, 'row')} before, {number(after)} after", f"{number(before)} → {number(after)}")


def _target_row(lens: Lens, facts: MappingFacts, place: Place, own: str, curves: tuple[Curve, ...]) -> Row:
    arriving = [curve for curve in curves if curve.end == own]
    constants = [(s, c) for s in lens.sources for c in s.constants if c.place == place]
    added = not place.path and place.column in facts.added
    remarks = dict.fromkeys((*(("added",) if added else ()), *(constant_words(s, c) for s, c in constants)))
    return Row(
        own,
        place.path[-1] if place.path else place.column,
        _target_type(lens, place),
        remark=", ".join(remarks),
        depth=len(place.path),
        faint=not arriving and not constants and not added,
        lossy=any(curve.kind in (Kind.LOSSY, Kind.KEPT) for curve in arriving),
        joins=tuple(curve.start for curve in arriving),
    )


def _target_type(lens: Lens, place: Place) -> str:
    if not place.path:
        return type_words(lens.target[place.column])
    found = [json_words(rule) for s in lens.sources for rule in s.rules if rule.place == place]
    found += [constant_json_words(s, c) for s in lens.sources for c in s.constants if c.place == place]
    return ", ".join(dict.fromkeys(found)) or "object"
