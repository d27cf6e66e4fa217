"""What `rollback --plan` says."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.core.answers import in_the_way, undo_counts
from pipelines.core.findings import errors
from pipelines.core.reconciliation import Blocked, Blocking, Verdict
from pipelines.core.text_lines import WIDTH, wrapped
from pipelines.core.wording import counted, visible

_SHOWN = 10  # of each reason


def undo_lines(name: str, verdict: Verdict, width: int = WIDTH) -> list[str]:
    """Whether a fold can be undone now, each row in the way with its remedy, and the next command."""
    obstacles = [*_findings(verdict, width), *_rows(verdict, width)]
    aside = f"--set-aside keeps {counted(verdict.rows_aside, 'row')} for the next fold." if verdict.rows_aside else ""
    counts = " ".join(part for part in (undo_counts(verdict), aside) if part)
    said = "yes" if verdict.can_be_undone else f"no, {in_the_way(verdict)}"
    return [
        f"Can be undone: {said} (nothing was changed)",
        "",
        *([*obstacles, ""] if obstacles else []),
        *wrapped(counts, width, "  ", "  "),
        "",
        _next(name, verdict),
    ]


def _findings(verdict: Verdict, width: int) -> Iterator[str]:
    for finding in errors(verdict.findings):
        yield from wrapped(visible(finding.message), width, "  ", "      ")
        yield from _remedy(finding.remedy, width)


def _rows(verdict: Verdict, width: int) -> Iterator[str]:
    for obstacles in verdict.obstacles:
        shown = obstacles.listed[:_SHOWN]
        for blocked, after in zip(shown, (*shown[1:], None), strict=True):
            yield from wrapped(_row(blocked), width, "  ", "      ")
            if after is None or after.remedy != blocked.remedy:
                yield from _remedy(blocked.remedy, width)
        left = obstacles.rows - len(shown)
        if left > 0 and all(blocked.key for blocked in shown):  # a line without a key speaks of all of them
            yield f"  and {counted(left, 'more row')} for the same reason, not listed"


def _row(blocked: Blocked) -> str:
    return visible(f"{blocked.table} {', '.join(blocked.key)}".rstrip() + f"  {blocked.reason}")


def _remedy(remedy: str, width: int) -> list[str]:
    return wrapped(visible(remedy), width, "      ", "      ") if remedy else []


def _next(name: str, verdict: Verdict) -> str:
    if verdict.can_be_undone:
        return f"Next: pgfold rollback {name}"
    kinds = {blocked.kind for blocked in verdict.blocked}
    options = [option for option, wanted in (("--accept-deletes", Blocking.DELETED in kinds),
                                             ("--set-aside", bool(kinds - {Blocking.DELETED}))) if wanted]  # fmt: skip
    if errors(verdict.findings) or not options:
        return f"Next: do what stands above, then pgfold rollback {name} --plan"
    return f"Next: pgfold rollback {name} {' '.join(options)}, or do what stands above"
