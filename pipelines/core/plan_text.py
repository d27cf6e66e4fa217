"""What a plan and a refusal say, in a terminal and as markdown. Lines carry no colour; `terminal` adds it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipelines.core import markdown
from pipelines.core.asked import ACTIONS
from pipelines.core.findings import Finding, Severity, errors
from pipelines.core.fold import Fold
from pipelines.core.lens import Lens
from pipelines.core.mapping_text import mapping_lines
from pipelines.core.mapping_words import MappingFacts
from pipelines.core.plan import ChildFacts, Disk, Plan
from pipelines.core.report import Status
from pipelines.core.schema import TableName
from pipelines.core.text_lines import WIDTH, labelled, wrapped
from pipelines.core.wording import NO_BREAK, counted, duration, number, padded, size, visible, width_of

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
_LABEL = 11


def plan_lines(plan: Plan, width: int = WIDTH, file_label: str = "defs.yaml") -> list[str]:
    """The plan for a person: the mapping, what it takes, and the next command, or what refuses it."""
    body = _fold_lines(plan, plan.fold, width) if plan.fold else []
    if plan.refused:
        return [*body, *refusal_lines(errors(plan.findings), file_label, width)]
    return [*body, f"Nothing was changed. Next: pgfold run {plan.spec.name}"]


def _fold_lines(plan: Plan, fold: Fold, width: int) -> list[str]:
    head = wrapped(head_text(plan.spec.name, fold.lens, plan.mapping_facts), width - 18, "", "  ")
    head[-1] = f"{head[-1]}     plan {plan.short_hash}"
    return [*head, "", *mapping_lines(fold.lens, plan.mapping_facts, width), "", *_facts_lines(plan, width), ""]


def head_text(name: str, lens: Lens, facts: MappingFacts) -> str:
    """`issues: public.exai_issues_tracker (14), public.issues (1) -> public.exai_issues (11)`."""
    sources = ", ".join(_with_rows(table.name, facts.rows.get(table.name)) for table in lens.archived)
    return f"{name}: {sources} -> {_with_rows(lens.target.name, facts.target_rows)}"


def _with_rows(table: TableName, rows: int | None) -> str:
    return visible(str(table)) if rows is None else f"{visible(str(table))}{NO_BREAK}({number(rows)})"


Fact = tuple[str, str, str]  # a label, what is said, and how long or when


def _facts(plan: Plan) -> Iterator[Fact]:
    yield _proof_fact(plan)
    for child in plan.children:
        yield "children", visible(child_text(child)), f"lock about {duration(child.lock_s)}"
    yield from _lock_facts(plan)
    yield "disk", disk_text(plan.disk), ""
    yield from (("privileges", visible(statement), "missing") for statement in plan.privileges)
    if not plan.privileges:
        yield "privileges", "all held", ""
    for finding in plan.findings:
        # A lossy column stands in the mapping already, with its mark.
        if finding.severity is not Severity.ERROR and finding.rule != "lossy":
            yield str(finding.severity), visible(_with_remedy(finding)), ""


def _proof_fact(plan: Plan) -> Fact:
    if plan.quick or not plan.proofs:
        return "proof", "left out (--quick)" if plan.quick else "no row was compared", ""
    return "proof", proof_text(plan), duration(plan.proof_s)


def proof_text(plan: Plan) -> str:
    """`15 of 15 rows read back equal`."""
    rows = sum(proof.rows for proof in plan.proofs)
    if not rows:
        return "the sources hold no row"
    equal = rows - sum(proof.differing for proof in plan.proofs)
    return f"{number(equal)} of {counted(rows, 'row')} read back equal"


def child_text(child: ChildFacts) -> str:
    """`issue_occurrences.issue_id bigint -> uuid (3 rows), CASCADE`."""
    changed = "" if child.type_before == child.type_after else f" {child.type_before} -> {child.type_after}"
    columns = f"{child.table.name}.{', '.join(child.columns)}"
    return f"{columns}{changed} ({counted(child.rows, 'row')}), {ACTIONS[child.on_delete]}"


def disk_text(disk: Disk) -> str:
    """What is needed at most, for each purpose."""
    return f"{size(disk.backup_bytes)} for backup, {size(disk.staging_bytes)} for staging, " + (
        f"{size(disk.target_bytes)} in the target"
    )


def _lock_facts(plan: Plan) -> Iterator[Fact]:
    """One line for each step and strength of lock: its tables, and for how long at most."""
    kinds = dict.fromkeys((lock.step, lock.mode) for lock in plan.locks)
    for step, mode in kinds:
        locks = [lock for lock in plan.locks if (lock.step, lock.mode) == (step, mode)]
        tables = ", ".join(dict.fromkeys(visible(lock.table.name) for lock in locks))
        held = duration(max(lock.held_s for lock in locks))
        weaker = "" if mode == "ACCESS EXCLUSIVE" else f" ({mode})"
        yield "locks", f"{tables}{weaker}", f"at {step.replace('_', ' ')}, about {held}"


def _facts_lines(plan: Plan, width: int) -> Iterator[str]:
    """Labels, texts and asides below one another; a label that repeats is said once."""
    facts, last = [*_facts(plan)], ""
    column = min(80, width - max(width_of(aside) for _, _, aside in facts) - 2)
    for label, text, aside in facts:
        first, rest = f"  {padded('' if label == last else label, _LABEL)}", " " * (_LABEL + 2)
        last = label
        room = width - width_of(aside) - 2 if aside else width
        lines = wrapped(text, room, first, rest)
        if len(lines) > 1 and aside:
            lines = wrapped(text, column, first, rest)
        yield f"{padded(lines[0], column)}  {aside}" if aside else lines[0]
        yield from lines[1:]


def findings_lines(findings: Iterable[Finding], file_label: str, width: int = WIDTH) -> list[str]:
    """Each finding behind `defs.yaml:14`, its remedy below it; errors first, else in the order of the file."""
    ordered = sorted(findings, key=lambda f: (_ORDER.index(f.severity), f.spec_line or 0))
    rows: list[tuple[str, str]] = []
    for finding in ordered:
        rows.append((_where(finding, file_label), visible(_with_severity(finding))))
        if finding.remedy:
            rows.append(("", visible(finding.remedy)))
    return labelled(rows, width)


def refusal_lines(findings: Iterable[Finding], file_label: str, width: int = WIDTH) -> list[str]:
    """`refused: 3 findings, nothing was touched`, and each of them."""
    listed = [*findings]
    said = f"refused: {counted(len(listed), 'finding')}, nothing was touched"
    return [said, *findings_lines(listed, file_label, width)]


def _where(finding: Finding, file_label: str) -> str:
    """A finding that no line of the spec caused is the database's."""
    return f"{file_label}:{finding.spec_line}" if finding.spec_line else "database"


def _with_severity(finding: Finding) -> str:
    return finding.message if finding.severity is Severity.ERROR else f"{finding.severity}: {finding.message}"


def _with_remedy(finding: Finding) -> str:
    return f"{finding.message}; {finding.remedy}" if finding.remedy else finding.message


_LOSSY_LINE = re.compile(r"  \S.*  !  |      lossy\b")


def line_status(line: str) -> Status | None:
    """The state that a line of a plan, a refusal or a verdict tells; None where it tells none."""
    if line.startswith(("refused:", "Can be undone: no")):
        return Status.FAILED
    if line.startswith("Can be undone: yes"):
        return Status.OK
    warns = line.startswith("  warning ") or _LOSSY_LINE.match(line)
    return Status.WARN if warns else None


def sql_lines(plan: Plan) -> list[str]:
    """The SQL of each step, as `run` sends it, each statement below its purpose."""
    lines: list[str] = []
    for step, statements in plan.steps:
        lines += [f"-- {step}: {counted(len(statements), 'statement')}", ""]
        for statement in statements:
            sql = visible(statement.text().strip(), keep="\n")
            lines += [f"-- {visible(statement.purpose)}", f"{sql};", ""]
    return lines


def plan_markdown(plan: Plan) -> str:
    """The plan for Dagster's page: facts, the mapping, and what was found."""
    head = head_text(plan.spec.name, plan.fold.lens, plan.mapping_facts) if plan.fold else plan.spec.name
    head = head.replace(NO_BREAK, " ")
    parts = [f"**{markdown.escaped(head)}**, plan {markdown.code(plan.short_hash)}"]
    if plan.fold:
        rows = [tuple(map(markdown.escaped, fact)) for fact in _facts(plan)]
        parts.append(markdown.table(("what", "", ""), rows))
        parts.append(markdown.block("\n".join(mapping_lines(plan.fold.lens, plan.mapping_facts, 100)), "text"))
    if plan.findings:
        found = ((str(f.severity), markdown.escaped(f.message), markdown.escaped(f.remedy)) for f in plan.findings)
        parts.append(markdown.table(("found", "", "what to do"), found))
    return "\n\n".join(parts) + "\n"
