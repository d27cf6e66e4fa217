"""report.html: one file, no network, no script. Every value is escaped; the policy in its head runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.core import markup, report_tables
from pipelines.core.answers import Answer, answers, subtitle, title, undo_counts, undo_headline
from pipelines.core.asked import Sentence, Voice, sentences
from pipelines.core.mapping_words import column_count
from pipelines.core.markup import Child, Markup, element
from pipelines.core.picture import laid_out, picture_of
from pipelines.core.picture_svg import COMPACT, WIDE, hover_css, legend_html, picture_svg
from pipelines.core.report import Report, SampleRow, Status, Undo, lossy_line
from pipelines.core.report_icons import icon
from pipelines.core.wording import counted, moment_of, short_hash, short_key, unbroken

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_SPEC_LINES = 9
_TALLEST = 1300  # px of a picture that is still readable on a sheet of paper; a taller one is printed as its table


@dataclass(frozen=True, slots=True)
class StyleSheets:
    """The texts of theme.css (variables, light first and dark after it in one @media), picture.css and report.css."""

    theme: str
    picture: str
    report: str


def report_html(report: Report, styles: StyleSheets) -> str:
    """The whole page."""
    picture = picture_of(report.fold.lens, report.facts)
    css = "\n".join((styles.theme, styles.picture, styles.report, hover_css(picture)))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title(report)}: fold {report.fold.name}"),
        markup.style(css),
    )
    page = element("html", head, element("body", element("main", *_sections(report))), lang="en")
    return f"<!doctype html>\n{page}\n"


def _sections(report: Report) -> Iterator[Markup]:
    yield element("header", element("h1", title(report)), element("p", unbroken(subtitle(report)), class_="about"))
    yield element("div", *(_tile(answer) for answer in answers(report)), class_="tiles")
    yield _asked(report)
    yield _mapping(report)
    yield _checks(report)
    if report.samples:
        yield _first_sample(report, report.samples[0])
    if report.hashes:
        yield _hashes(report)
    yield _undo(report)
    if report.timings:
        yield _section("timings", "How long it took", None, report_tables.timings_table(report.timings))
    if report.samples[1:]:
        yield _more_samples(report)
    yield _whole_spec(report)


def _section(id: str, heading: str, sentence: str | None, *children: Child, class_: str | None = None) -> Markup:
    said = element("p", unbroken(sentence), class_="about") if sentence else None
    return element("section", element("h2", heading, id=id), said, *children, class_=class_)


def _tile(answer: Answer) -> Markup:
    state = icon(answer.status) if answer.status else None
    return element(
        "div",
        element("p", answer.question, class_="label"),
        element("p", state, unbroken(answer.answer), class_="answer"),
        element("p", unbroken(answer.sentence), class_="why"),
        class_="tile",
    )


def _asked(report: Report) -> Markup:
    asked = element("ul", *(element("li", *_parts(s)) for s in sentences(report.fold, report.facts)), class_="asked")
    spec = report.fold.spec
    lines = spec.text.splitlines()
    label = element("span", f"{report.spec_label}, sha256 {short_hash(spec.sha256)}", class_="faint")
    left = len(lines) - _SPEC_LINES
    more = element("a", f"{counted(left, 'more line')} further down", href="#spec") if left > 0 else None
    excerpt = element("pre", label, "\n", "\n".join(lines[:_SPEC_LINES]), "\n", more)
    return _section("asked", "What was asked", None, element("div", asked, excerpt, class_="pair"))


def _parts(sentence: Sentence) -> Iterator[Child]:
    for part in sentence:
        match part.voice:
            case Voice.PLAIN:
                yield unbroken(part.text)
            case Voice.NAME:
                yield element("b", part.text)
            case Voice.CODE:
                yield element("code", part.text)


def _mapping(report: Report) -> Markup:
    picture = picture_of(report.fold.lens, report.facts)
    tall = laid_out(picture).height > _TALLEST
    figure = element(
        "figure",
        element("div", picture_svg(picture, WIDE), class_="map wide"),
        element("div", picture_svg(picture, COMPACT), class_="map compact"),
        report_tables.mapping_table(report.fold.lens, report.mapping_facts),
        legend_html(picture),
        class_="tall" if tall else None,
    )
    placed = f"{counted(column_count(report.fold.lens), 'source column')}, all placed."
    return _section("mapping", "Where each column went", placed, figure)


def _checks(report: Report) -> Markup:
    lossy = lossy_line(report.fold.lens, report.standing)
    lines = (*report.checks, lossy) if lossy else report.checks
    nothing = None if report.checks else "No check has run."
    return _section("checks", "Checks", nothing, report_tables.checks_table(lines) if lines else None)


def _first_sample(report: Report, sample: SampleRow) -> Markup:
    others = len(report.samples) - 1
    more = f" {counted(others, 'more row')} {'is' if others == 1 else 'are'} further down." if others else ""
    about = f"{sample.source.name} {short_key(sample.key)}, drawn by the seed of the plan.{more}"
    target = report.fold.spec.target.name
    return _section("sample", "One row, there and back", about, report_tables.sample_table("sample", sample, target))


def _more_samples(report: Report) -> Markup:
    target, blocks = report.fold.spec.target.name, []
    for n, sample in enumerate(report.samples[1:], 2):
        label = f"sample-{n}"
        blocks += [
            element("h3", f"{sample.source.name} ", element("code", short_key(sample.key)), id=label),
            report_tables.sample_table(label, sample, target),
        ]
    return _section("samples", "More rows, there and back", None, *blocks)


def _hashes(report: Report) -> Markup:
    about = "Content digests do not depend on row order. Equal digests: the backup gives back what the archive holds."
    return _section("hashes", "Hashes", about, report_tables.hashes_table(report.hashes))


def _undo(report: Report) -> Markup:
    if report.undo is None:
        nothing = element("p", icon(Status.UNKNOWN), "Not computed yet.", class_="answer unknown")
        return _section("undo", "Can it be undone?", None, element("div", nothing, class_="panel"))
    return _section("undo", "Can it be undone?", None, _undo_panel(report, report.undo))


def _undo_panel(report: Report, undo: Undo) -> Markup:
    verdict = undo.verdict
    status = Status.OK if verdict.can_be_undone else Status.FAILED
    command = f"pgfold rollback {report.fold.name}{'' if verdict.can_be_undone else ' --plan'}"
    answer = element("p", icon(status), unbroken(undo_headline(verdict)), class_="answer")
    computed = f"Computed {moment_of(undo.computed_at, report.zone)}, on the rows as they were then."
    return element(
        "div",
        element("div", answer, element("code", command, class_="command"), class_="panel-head"),
        element("p", unbroken(f"{computed} {undo_counts(verdict)}"), class_="why"),
        None if verdict.can_be_undone else report_tables.obstacles_table(verdict),
        report_tables.edits_table(undo.edits) if undo.edits else None,
        class_="panel",
    )


def _whole_spec(report: Report) -> Markup:
    spec = report.fold.spec
    about = f"{report.spec_label}, sha256 {spec.sha256}"
    return _section("spec", "The spec in full", about, element("pre", spec.text), class_="spec")
