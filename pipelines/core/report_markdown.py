"""The report in short, for an asset's page; report.html has all of it."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.answers import Answer, answers, subtitle, title
from pipelines.core.markdown import escaped, table
from pipelines.core.report import CheckLine, Report, Status, lossy_line
from pipelines.core.wording import took

_SIGNS = {Status.OK: "✓", Status.WARN: "⚠", Status.FAILED: "✗", Status.UNKNOWN: "?"}


def report_markdown(report: Report) -> str:
    """The four answers and the checks."""
    return "\n\n".join(_parts(report)) + "\n"


def _parts(report: Report) -> Iterator[str]:
    yield f"### {escaped(title(report))}"
    yield escaped(subtitle(report))
    yield table(("", "", ""), (_answer(answer) for answer in answers(report)))
    lossy = lossy_line(report.fold.lens, report.standing)
    lines = (*report.checks, *((lossy,) if lossy else ()))
    if lines:
        yield table(("What was checked", "Over", "Found:", "Took:"), (_check(line) for line in lines))


def _answer(answer: Answer) -> tuple[str, str, str]:
    sign = f"{_SIGNS[answer.status]} " if answer.status else ""
    return escaped(answer.question), f"{sign}**{escaped(answer.answer)}**", escaped(answer.sentence)


def _check(line: CheckLine) -> tuple[str, str, str, str]:
    time = "" if line.took_s is None else took(line.took_s)
    return f"{_SIGNS[line.status]} {escaped(line.sentence)}", escaped(line.over), f"**{escaped(line.found)}**", time
