"""The report's tables. On a narrow page each row becomes a small block, its cells named by their heads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipelines.core import markup
from pipelines.core.digest import Digest
from pipelines.core.findings import errors
from pipelines.core.lens import Constant, Lens, Rule, SourceLens
from pipelines.core.mapping_words import (
    MappingFacts,
    constant_words,
    kind_of,
    place_of,
    remark,
    scalar_text,
    set_rule,
    type_words,
)
from pipelines.core.markup import Child, Markup, element
from pipelines.core.reconciliation import Verdict
from pipelines.core.report import Cell, CheckLine, Edit, SampleRow, Status, TableHash, Timing
from pipelines.core.report_icons import icon
from pipelines.core.wording import counted, grouped, number, short_hash, short_key, shortened, size, took, unbroken

_LONGEST = 300
_MOST_OBSTACLES = 100


@dataclass(frozen=True, slots=True)
class Head:
    """A column of a table; numbers stand right."""

    name: str
    right: bool = False


def table(label: str, heads: Sequence[Head], rows: Iterable[Markup], class_: str) -> Markup:
    """A table named by the heading with that id; roles keep it a table where a style sheet takes its cells apart."""
    return grouped_table(label, heads, (element("tbody", *rows, role="rowgroup"),), class_)


def grouped_table(label: str, heads: Sequence[Head], groups: Iterable[Markup], class_: str) -> Markup:
    """A table whose rows are in several bodies."""
    cells = [element("th", h.name or element("span", "State", class_="unseen"), scope="col", role="columnheader",
                     class_="right" if h.right else None) for h in heads]  # fmt: skip
    head = element("thead", element("tr", *cells, role="row"), role="rowgroup")
    return element("table", head, *groups, role="table", aria_labelledby=label, class_=class_)


def row(heads: Sequence[Head], cells: Sequence[Child], class_: str | None = None) -> Markup:
    """A row whose cells know the names of their columns; the first names the row."""
    made = [_cell(n, head, cell) for n, (head, cell) in enumerate(zip(heads, cells, strict=True))]
    return element("tr", *made, role="row", class_=class_)


def _cell(n: int, head: Head, content: Child) -> Markup:
    tag, role = ("th", "rowheader") if n == 0 else ("td", "cell")
    class_ = " ".join(word for word, said in (("right", head.right), ("empty", not content)) if said)
    scope = "row" if n == 0 else None
    return element(tag, element("div", content), role=role, scope=scope, data_head=head.name, class_=class_ or None)


_CHECKS = (Head("What was checked"), Head("Over"), Head("Found", right=True), Head("Took", right=True))


def checks_table(lines: Iterable[CheckLine]) -> Markup:
    """Each check with its numbers; what it found by name below its sentence."""
    return table("checks", _CHECKS, (_check_row(line) for line in lines), "checks")


def _check_row(line: CheckLine) -> Markup:
    named = element("ul", *(element("li", detail, dir="auto") for detail in line.details)) if line.details else None
    sentence = markup.joined((icon(line.status), element("div", unbroken(line.sentence), named)))
    return row(
        _CHECKS,
        (
            element("div", sentence, class_="state"),
            unbroken(line.over),
            element("b", unbroken(line.found), class_=_ink(line.status)),
            "" if line.took_s is None else unbroken(took(line.took_s)),
        ),
    )


def _ink(status: Status) -> str | None:
    return None if status is Status.OK else status


def sample_table(label: str, sample: SampleRow, target: str) -> Markup:
    """One row there and back; lossy columns stand on a ground of their own."""
    heads = (Head("Source column"), Head("Before"), Head(f"Place in {target}"), Head("After"), Head("Read back"))
    rows = (row(heads, _sample_cells(cell), "lossy" if cell.lossy else None) for cell in sample.cells)
    return table(label, heads, rows, "samples")


def _sample_cells(cell: Cell) -> tuple[Child, ...]:
    # A JSON null that stands for NULL is as grey as one; the text 'null' is a value.
    json_null = cell.before is None and cell.after == "null"
    after = element("span", "null", class_="faint") if json_null else value(cell.after)
    note = element("small", "from the archive") if cell.from_archive else None
    return (
        cell.column,
        value(cell.before),
        cell.place or element("span", "no place", class_="faint"),
        element("b", after) if cell.lossy and cell.place else after if cell.place else None,
        element("div", icon(Status.OK if cell.equal else Status.FAILED, "equal" if cell.equal else "differs"),
                element("div", value(cell.read_back), note), class_="state"),
    )  # fmt: skip


def value(text: str | None) -> Markup:
    """A value in output form; NULL is grey, a long one is cut and says how long it is."""
    if text is None:
        return element("span", "NULL", class_="faint")
    cut = element("small", f" {counted(len(text), 'character')}") if len(text) > _LONGEST else None
    return element("span", shortened(text, _LONGEST), cut, class_="value", dir="auto")


_HASHES = (
    Head("Table"), Head("Rows", right=True), Head("Size", right=True), Head("Digest at cut-over"),
    Head("Digest when restored"), Head(""), Head("File, sha256"),
)  # fmt: skip


def hashes_table(hashes: Iterable[TableHash]) -> Markup:
    """What the backup holds, and whether it gave it back."""
    return table("hashes", _HASHES, (_hash_row(line) for line in hashes), "hashes")


def _hash_row(line: TableHash) -> Markup:
    saved, restored = line.saved, line.restored
    match restored:
        case None:
            state, words = Status.UNKNOWN, "not restored"
        case saved.digest:
            state, words = Status.OK, "equal"
        case _:
            state, words = Status.FAILED, "differs"
    return row(
        _HASHES,
        (
            saved.name.name,
            number(saved.digest.rows),
            unbroken(size(saved.file.size_bytes)),
            _digest(saved.digest),
            None if restored is None else _digest(restored),
            element("div", icon(state), words, class_=f"state {_ink(state) or ''}".strip()),
            element("code", short_hash(saved.file.sha256), title=saved.file.sha256),
        ),
    )


def _digest(digest: Digest) -> Markup:
    return element("code", f"{grouped(digest.first)} {grouped(digest.second)}")


_TIMINGS = (Head("Step"), Head("What it did"), Head("Took", right=True))


def timings_table(timings: Iterable[Timing]) -> Markup:
    """How long each step took."""
    rows = (row(_TIMINGS, (t.step.replace("_", " "), unbroken(t.sentence), unbroken(took(t.took_s)))) for t in timings)
    return table("timings", _TIMINGS, rows, "timings")


_EDITS = (Head("Row"), Head("Column"), Head("At cut-over"), Head("Now"), Head("Goes home as"), Head(""))


def edits_table(edits: Iterable[Edit]) -> Markup:
    """What was edited since, and what becomes of it."""
    return table("undo", _EDITS, (_edit_row(edit) for edit in edits), "edits")


def _edit_row(edit: Edit) -> Markup:
    same = edit.home_value == edit.now
    home = f"{edit.home_column}, same text" if same else markup.joined((edit.home_column, " ", value(edit.home_value)))
    kept = element("div", icon(Status.OK), "keeps the edit", class_="state")
    key = element("code", short_key(edit.row), title=edit.row)
    return row(_EDITS, (key, edit.column, value(edit.was), value(edit.now), home, kept))


_OBSTACLES = (Head("Row"), Head("In the way"), Head("What to do"))


def obstacles_table(verdict: Verdict) -> Markup:
    """What stands in the way of undoing: findings about the catalog, then the first rows."""
    findings = [_obstacle_row(f.object, None, f.message, f.remedy) for f in errors(verdict.findings)]
    blocked = verdict.blocked[:_MOST_OBSTACLES]
    rows = [_obstacle_row(b.table.name, ", ".join(b.key), b.reason, b.remedy) for b in blocked]
    return table("undo", _OBSTACLES, (*findings, *rows), "obstacles")


def _obstacle_row(thing: str, key: str | None, reason: str, remedy: str) -> Markup:
    shown = element("code", short_key(key), title=key) if key else None
    said = element("div", icon(Status.FAILED), element("div", reason, dir="auto"), class_="state")
    return row(_OBSTACLES, (markup.joined((thing, " ", shown)), said, remedy))


_MAPPING = (Head("Source column"), Head("Place"), Head("How"))


def mapping_table(lens: Lens, facts: MappingFacts) -> Markup:
    """The picture in words: for those who do not see it, and for pages too narrow for it."""
    groups = (_mapping_group(lens, source, facts) for source in lens.sources)
    return grouped_table("mapping", _MAPPING, groups, "mapping")


def _mapping_group(lens: Lens, source: SourceLens, facts: MappingFacts) -> Markup:
    rows = facts.rows.get(source.name)
    said = None if rows is None else element("span", unbroken(counted(rows, "row")), class_="faint")
    head = element("th", element("div", source.name.name, " ", said), colspan=3, scope="rowgroup", role="rowheader")
    return element(
        "tbody",
        element("tr", head, role="row", class_="group"),
        *(_mapping_row(lens, source, rule, facts) for rule in source.rules),
        *(_constant_row(source, constant, facts) for constant in source.constants),
        role="rowgroup",
    )


def _mapping_row(lens: Lens, source: SourceLens, rule: Rule, facts: MappingFacts) -> Markup:
    kind, place = kind_of(rule), place_of(lens, rule)
    said = remark(source, rule, facts, "→")
    type_said = element("span", type_words(rule.column), class_="faint")
    name = markup.joined((element("b", rule.column.name), " ", type_said))
    how = said or element("span", kind.label, class_="plain")
    return row(_MAPPING, (name, "" if place is None else str(place), how), f"k-{kind}")


def _constant_row(source: SourceLens, constant: Constant, facts: MappingFacts) -> Markup:
    rule = set_rule(source, constant)
    said = constant_words(source, constant)
    added = "added, " if not constant.place.path and constant.place.column in facts.added else ""
    value_said = element("code", rule.expression or scalar_text(rule.constant))
    return row(_MAPPING, (value_said, str(constant.place), f"{added}{said}"), "constant")
