"""The mapping picture as SVG: in a page by the page's style sheets, or alone, in fixed light colours."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.core import markup
from pipelines.core.mapping_words import Kind
from pipelines.core.markup import Markup, element
from pipelines.core.picture import HEADER, Box, Curve, Picture, Row, Words, laid_out
from pipelines.core.wording import number


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand across, in px; the font is 13 px high."""

    width: int
    source: int  # left edge of the sources' names
    start: int  # where curves start
    end: int  # where curves end
    place: int  # left edge of the target's names
    right: int


WIDE = Layout(1094, source=20, start=380, end=676, place=694, right=1076)
COMPACT = Layout(700, source=14, start=264, end=416, place=431, right=686)


def picture_svg(picture: Picture, layout: Layout) -> Markup:
    """The drawing without a legend; colours and fonts are the style sheet's (`picture.css`)."""
    done = laid_out(picture)
    return _svg(done, layout, done.height, *_drawing(done, layout))


def standalone_svg(picture: Picture, theme_css: str, picture_css: str) -> str:
    """A file of its own, 700 px wide, with its legend, in the theme's light colours whatever the viewer's are."""
    done = laid_out(picture)
    legend, height = _legend(done, COMPACT, done.height)
    light = theme_css.partition("@media")[0]
    ground = element("rect", class_="ground", width=COMPACT.width, height=height)
    return _svg(done, COMPACT, height, markup.style(light + picture_css), ground, *_drawing(done, COMPACT), legend)


def data_uri(svg: str) -> str:
    """An SVG file as an address that markdown and `<img>` take."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def hover_css(picture: Picture) -> str:
    """Rules for a page: with the pointer on a row, what no curve joins with it fades."""
    rows = [row for box in (*picture.sources, picture.target) for row in box.rows if row.joins]
    return "\n".join(
        f".map:has(.is-{r.id}:hover) :is(.row,.curve,.branch):not(.{r.id}){{opacity:var(--faded)}}" for r in rows
    )


def legend_html(picture: Picture) -> Markup:
    """The legend for a page: a swatch, a count and a name a kind."""
    return element("ul", *(_legend_item(kind, count) for kind, count in _legend_entries(picture)), class_="legend")


def _legend_entries(picture: Picture) -> tuple[tuple[Kind, str], ...]:
    counted = tuple((kind, number(count)) for kind, count in picture.kinds.items())
    return (*counted, (Kind.KEPT, "")) if picture.keeps else counted


def _legend_item(kind: Kind, count: str) -> Markup:
    line = element("line", x1=1, y1=4, x2=27, y2=4, class_=f"curve k-{kind}")
    swatch = element("svg", line, width=28, height=8, aria_hidden="true")
    return element("li", swatch, element("b", count) if count else None, " ", kind.label)


def _svg(picture: Picture, layout: Layout, height: float, *children: Markup) -> Markup:
    return element(
        "svg",
        *children,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {layout.width} {height:.0f}",
        width=layout.width,
        height=round(height),
        role="img",
        aria_label=picture.sentence,
    )


def _drawing(picture: Picture, layout: Layout) -> Iterator[Markup]:
    boxes = (*picture.sources, picture.target)
    heights = {row.id: row.y for box in boxes for row in box.rows}
    lossy_last = sorted(picture.curves, key=lambda curve: (curve.kind is Kind.LOSSY, curve.kind is Kind.KEPT))
    yield from (_curve(curve, heights, layout) for curve in lossy_last)
    for box in picture.sources:
        yield from _source_box(box, layout)
    yield from _target_box(picture.target, layout)


def _curve(curve: Curve, heights: dict[str, float], layout: Layout) -> Markup:
    start, end, half = heights[curve.start], heights[curve.end], (layout.start + layout.end) / 2
    d = f"M{layout.start} {start:.1f}C{half:.0f} {start:.1f} {half:.0f} {end:.1f} {layout.end} {end:.1f}"
    return element("path", d=d, class_=f"curve k-{curve.kind} {curve.start} {curve.end}")


@dataclass(frozen=True, slots=True)
class _Side:
    """Where the rows of one side stand across; `lossy` is the class of a row with a lossy curve."""

    left: float
    right: float
    dot: int
    remarks: float
    lossy: str


def _source_box(box: Box, layout: Layout) -> Iterator[Markup]:
    side = _Side(layout.source, layout.start - 16, layout.start, _remark_x(box, layout.source), "lossy")
    yield _title(box, layout.source, layout.start)
    yield from (_row(row, side) for row in box.rows)
    yield _note(box, layout.source, side.right)


def _target_box(box: Box, layout: Layout) -> Iterator[Markup]:
    side = _Side(layout.place, layout.right, layout.end, _remark_x(box, layout.place), "lossy-end")
    yield _title(box, layout.end, layout.right)
    yield from _branches(box, layout.place)
    yield from (_row(row, side) for row in box.rows)
    yield _note(box, layout.place, side.right)


def _title(box: Box, left: int, right: int) -> Markup:
    line = element("line", x1=left, x2=right, y1=box.y + HEADER, y2=box.y + HEADER, class_="rule")
    subtitle = _said(box.subtitle, right - left - 1.1 * text_width(box.title, bold=True) - 12)
    name = _fitted(box.title, right - left - text_width(subtitle) - 12, bold=True)
    title = _text(name, left, box.y, "title", full=box.title)
    return markup.joined((title, _text(subtitle, right, box.y, "side"), line))


def _note(box: Box, left: float, right: float) -> Markup:
    return _text(_said(box.note, right - left), left, box.note_y, "note") if box.note.full else Markup()


def _said(words: Words, width: float) -> str:
    return words.full if text_width(words.full) <= width else words.brief


def _row(row: Row, side: _Side) -> Markup:
    left = side.left + _INDENT * row.depth
    beside = side.right - text_width(row.type) - 12
    remark, instead = _remark(row, side, beside, left)
    name = _fitted(row.label, (side.remarks - 8 if remark else beside) - left, bold=row.lossy)
    inks = [ink for ink, wanted in ((side.lossy, row.lossy), ("faint", row.faint)) if wanted]
    hit_left, hit_right = min(side.left, side.dot) - 6, max(side.right, side.dot) + 6
    return element(
        "g",
        element("rect", x=hit_left, y=row.y - 12, width=hit_right - hit_left, height=24, class_="hit"),
        _text(name, left, row.y, "name", full=row.label),
        _text(remark, side.remarks, row.y, "remark") if remark else None,
        _text(instead or row.type, side.right, row.y, "side remark" if instead else "side"),
        element("circle", cx=side.dot, cy=row.y, r=3, class_="dot") if row.joins else None,
        class_=" ".join(("row", f"is-{row.id}", row.id, *row.joins, *inks)),
    )


def _remark(row: Row, side: _Side, beside: float, left: float) -> tuple[str, str]:
    """The remark where it fits between name and type; else in place of the type; else nowhere."""
    width = text_width(row.remark)
    if side.remarks + width <= beside:
        return row.remark, ""
    alone = left + text_width(row.label, bold=row.lossy) + 12 + width <= side.right
    return "", row.remark if alone else ""


def _text(content: str, x: float, y: float, class_: str, full: str | None = None) -> Markup:
    shown_whole = full is None or full == content
    hint = None if shown_whole else element("title", full)
    return element("text", hint, content, x=x, y=y + 4.5, class_=class_)


_INDENT = 22


def _branches(box: Box, left: int) -> Iterator[Markup]:
    """The lines that join a JSON path's parts: down from each, and an elbow to what it holds."""
    for n, parent in enumerate(box.rows):
        below = _children(box.rows[n + 1 :], parent.depth)
        if below:
            x = left + _INDENT * parent.depth + 8
            elbows = "".join(f"M{x} {child.y:.1f}h8" for child in below)
            yield element("path", d=f"M{x} {parent.y + 10:.1f}V{below[-1].y:.1f}{elbows}", class_="branch")


def _children(after: tuple[Row, ...], depth: int) -> list[Row]:
    found: list[Row] = []
    for row in after:
        if row.depth <= depth:
            break
        if row.depth == depth + 1:
            found.append(row)
    return found


def _remark_x(box: Box, left: int) -> float:
    """Remarks stand below one another, right of the longest name that has one."""
    widths = [text_width(r.label, bold=r.lossy) + _INDENT * r.depth for r in box.rows if r.remark]
    return left + max([92, *(width + 12 for width in widths)]) if widths else left


def _legend(picture: Picture, layout: Layout, top: float) -> tuple[Markup, float]:
    x, y, items = float(layout.source), top + 20, []
    for kind, count in _legend_entries(picture):
        words = f"{count} {kind.label}".strip()
        width = 34 + text_width(words) + 20
        if x + width > layout.right and x > layout.source:
            x, y = layout.source, y + 22
        line = element("line", x1=x, x2=x + 26, y1=y, y2=y, class_=f"curve k-{kind}")
        items += [line, _text(words, x + 34, y, "words")]
        x += width
    rule = element("line", x1=0, x2=layout.width, y1=top, y2=top, class_="rule")
    return markup.joined((rule, *items)), y + 20


_NARROW, _BROAD = frozenset("fijlrt.,:;'|!()[]{}I /\\-"), frozenset("mwMW@%—…")


def text_width(content: str, bold: bool = False) -> float:
    """About how wide a text of 13 px is; fonts differ, so this errs to the broad side."""
    return sum(map(_advance, content)) * (1.05 if bold else 1)


def _advance(character: str) -> float:
    if character in _NARROW:
        return 4.8
    if character in _BROAD:
        return 11.8
    if ord(character) > 0x2E80:
        return 13.5
    return 9.2 if character.isupper() else 7.6


def _fitted(content: str, width: float, bold: bool = False) -> str:
    if text_width(content, bold) <= width:
        return content
    kept = content
    while kept and text_width(kept + "…", bold) > width:
        kept = kept[:-1]
    return kept + "…"
