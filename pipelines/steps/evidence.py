"""The evidence: report.html beside the backup, made from what the ledger, the manifests and the rows say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from psycopg import sql
from pydantic import JsonValue

from pipelines.core import names, relations
from pipelines.core.checks import Check
from pipelines.core.digest import Digest
from pipelines.core.errors import DatabaseError
from pipelines.core.expression import trusted
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import FoldStanding, FoldState, Run, StepRecord
from pipelines.core.lens import Rule, SourceLens
from pipelines.core.mapping_words import Loss, MappingFacts
from pipelines.core.names import Keeping
from pipelines.core.place import Place
from pipelines.core.relations import joined
from pipelines.core.report import (
    Cell,
    LockWindow,
    ReadBack,
    Report,
    ReportRun,
    SampleRow,
    TableHash,
    Timing,
    Undo,
    Versions,
    check_line,
)
from pipelines.core.report_html import StyleSheets, report_html
from pipelines.core.schema import TableName
from pipelines.core.statement import Statement
from pipelines.database import ledger_folds, ledger_steps
from pipelines.database.backup_reader import read_manifest
from pipelines.database.durable_files import replace_file
from pipelines.database.named_sql import load_sql
from pipelines.steps.plan_facts import read_loss
from pipelines.steps.running import Working

_SQL = load_sql("pipelines.steps", "evidence.sql")
REPORT = "report.html"
IN_SHORT = "report in short"  # the fact that an asset's page shows
SAMPLES = 21
_SAMPLED_PAGES_FROM_ROWS = 100_000


def write_report(work: Working, report: Report) -> Path:
    """Write report.html into the run's backup."""
    assert work.run.backup_location is not None
    folder = Path(work.run.backup_location)
    replace_file(folder, REPORT, report_html(report, style_sheets()))
    return folder / REPORT


def style_sheets() -> StyleSheets:
    """The style of the package."""
    folder = files("pipelines").joinpath("report_assets")
    theme, picture, report = (
        folder.joinpath(f"{name}.css").read_text(encoding="utf-8") for name in ("theme", "picture", "report")
    )
    return StyleSheets(theme=theme, picture=picture, report=report)


def make_report(work: Working, *, restored: Mapping[TableName, Digest], undo: Undo | None) -> Report:
    """Everything the report says of a fold in force; `restored` are digests of what the sealed backup gave back."""
    steps = {step.name: step for step in ledger_steps.steps_of(work.connection, work.run.id)}
    state = ledger_folds.fold_state(work.connection, work.fold.name)
    checks = all_checks(steps)
    read = [check for check in checks if check.name.startswith("in_target")]
    lines = [check_line(check) for check in checks]
    over, wrong = sum(check.over for check in read), sum(check.found for check in read)
    return Report(
        fold=work.fold,
        facts=_mapping_facts(work, state, read),
        standing=state.standing,
        run=_run(work),
        versions=Versions(_server_version(work), _own_version()),
        spec_label=f"{work.fold.name}/defs.yaml",
        read_back=ReadBack(over, over - wrong) if read else None,
        lock=_lock(steps),
        checks=tuple(lines),
        samples=tuple(row for source in work.fold.lens.sources for row in sample_rows(work, source)),
        hashes=_hashes(state, restored),
        timings=tuple(_timing(step) for step in steps.values() if step.duration is not None),
        undo=undo,
    )


def all_checks(steps: Mapping[str, StepRecord]) -> tuple[Check, ...]:
    """The checks that the ledger keeps: those of verify, of the cut-over and of the seal, in that order."""
    found = [steps[name].facts.get("checks") for name in ("verify", "window", "seal") if name in steps]
    return tuple(check_of(item) for listed in found if isinstance(listed, list) for item in listed)


def check_facts(check: Check) -> dict[str, JsonValue]:
    """A check for the ledger."""
    return {
        "name": check.name,
        "sentence": check.sentence,
        "passed": check.passed,
        "over": check.over,
        "found": check.found,
        "took_s": check.took_s,
        "blocking": check.blocking,
        "details": list(check.details),
    }


def check_of(facts: JsonValue) -> Check:
    """A check from the ledger."""
    assert isinstance(facts, dict)
    details = facts["details"]
    return Check(
        str(facts["name"]),
        str(facts["sentence"]),
        bool(facts["passed"]),
        int(str(facts["over"])),
        int(str(facts["found"])),
        float(str(facts["took_s"])),
        bool(facts["blocking"]),
        tuple(str(item) for item in details) if isinstance(details, list) else (),
    )


def sample_rows(work: Working, source: SourceLens) -> tuple[SampleRow, ...]:
    """Rows there and back, drawn by the plan's hash: the same plan draws the same rows."""
    shown = [rule for rule in source.rules if rule.place is not None]
    seed = int(work.run.plan_hash[:7], 16)
    try:
        rows = work.session.rows(_sample(work.fold, source, shown, seed))
    except DatabaseError:
        rows = [*_readable_rows(work, source, shown, seed)]
    return tuple(SampleRow(source.name, ", ".join(row[0]), _cells(shown, row[1])) for row in rows)


def _readable_rows(work: Working, source: SourceLens, shown: Sequence[Rule], seed: int) -> Iterator[tuple[Any, ...]]:
    """One by one, without those that the inverse cannot read: what a rollback set aside is in the target again."""
    for number in range(SAMPLES):
        try:
            yield from work.session.rows(_sample(work.fold, source, shown, seed, slice(number, number + 1)))
        except DatabaseError:
            continue


def _cells(rules: Sequence[Rule], values: Sequence[str | None]) -> tuple[Cell, ...]:
    triples = zip(values[0::3], values[1::3], values[2::3], strict=True)
    return tuple(
        Cell(
            rule.column.name,
            before,
            str(rule.place),
            after,
            before if rule.lossy else back,
            lossy=rule.lossy,
            from_archive=rule.lossy,
        )
        for rule, (before, after, back) in zip(rules, triples, strict=True)
    )


def _sample(
    fold: Fold, source: SourceLens, rules: Sequence[Rule], seed: int, drawn: slice = slice(0, SAMPLES)
) -> Statement:
    texts = [text for rule in rules for text in _texts(fold, rule)]
    archived = fold.archived(source.name)
    estimated = source.table.estimated_rows
    share = 100.0 if estimated < _SAMPLED_PAGES_FROM_ROWS else 100.0 * 20_000 / estimated
    return Statement(
        f"draw rows of {source.name} for the report",
        sql.SQL(_SQL["sample"]).format(
            key=relations.output_array([sql.Identifier("s", name) for name in relations.key_names(source)]),
            texts=joined(texts) if texts else sql.SQL("NULL"),
            source=archived.identifier,
            share=sql.Literal(share),
            seed=sql.Literal(seed),
            map=names.keeping(Keeping.ROW_MAP, fold.name, source.name).identifier,
            mapped=relations.same_key("s", relations.key_names(source), "m", relations.source_key_in_map(source)),
            target=fold.lens.target.name.identifier,
            same=relations.same_key("m", relations.target_key_in_map(fold.lens), "t", relations.target_key(fold.lens)),
            limit=sql.Literal(drawn.stop - drawn.start),
            before=sql.Literal(drawn.start),
        ),
    )


def _texts(fold: Fold, rule: Rule) -> tuple[sql.Composable, sql.Composable, sql.Composable]:
    assert rule.place is not None
    before = sql.SQL("{}::pg_catalog.text").format(sql.Identifier("s", rule.column.name))
    after = sql.SQL("({})::pg_catalog.text").format(_at(fold, rule.place))
    if rule.inverse is None or rule.lossy:
        return before, after, sql.SQL("NULL::pg_catalog.text")
    return before, after, sql.SQL("({})::pg_catalog.text").format(relations.inverse_of(rule))


def _at(fold: Fold, place: Place) -> sql.Composable:
    column = sql.Identifier("t", place.column)
    if not place.path:
        return column
    as_jsonb = sql.SQL("{}::{}").format(column, trusted("pg_catalog.jsonb"))
    return sql.SQL("{} #> {}::pg_catalog.text[]").format(as_jsonb, sql.Literal(list(place.path)))


def _mapping_facts(work: Working, state: FoldState, read: Sequence[Check]) -> MappingFacts:
    by_number = {int(check.name.rsplit("_", 1)[1]): check.over for check in read}
    rows = {source.name: by_number.get(source.number, 0) for source in work.fold.lens.sources}
    rows |= {table.name: 0 for table in work.fold.lens.empty}
    counted = Statement(
        "count the target's rows", sql.SQL("SELECT count(*) FROM {}").format(work.fold.spec.target.identifier)
    )
    after = int(work.session.one(counted)[0])
    added = tuple(a.name for a in work.fold.added)
    return MappingFacts(rows, after - sum(rows.values()), after, dict(_losses(work, state)), added)


def _losses(work: Working, state: FoldState) -> Iterator[tuple[tuple[TableName, str], Loss]]:
    """What lossy columns lost, counted in the archive; where it is gone, nobody counts."""
    for source in work.fold.lens.sources if state.standing is FoldStanding.FOLDED else ():
        archived = replace(source, table=replace(source.table, name=work.fold.archived(source.name)))
        for rule in source.lossy:
            loss = read_loss(work.connection, archived, rule)
            if loss is not None and loss.values:
                yield (source.name, rule.column.name), loss


def _run(work: Working) -> ReportRun:
    run: Run = work.run
    return ReportRun(str(run.id), run.plan_hash, run.started_by, run.started_at, work.surroundings.now())


def _lock(steps: Mapping[str, StepRecord]) -> LockWindow:
    window = steps.get("window")
    return LockWindow(float(str(window.facts["locked_ms"])) / 1000) if window else LockWindow()


def _timing(step: StepRecord) -> Timing:
    assert step.duration is not None
    return Timing(step.name, f"{step.rows_done:,} rows" if step.rows_done else "", step.duration.total_seconds())


def _hashes(state: FoldState, restored: Mapping[TableName, Digest]) -> tuple[TableHash, ...]:
    folders = [Path(place) for place in (state.sealed_location,) if place]
    return tuple(
        TableHash(saved, restored.get(saved.name)) for folder in folders for saved in read_manifest(folder).tables
    )


def _server_version(work: Working) -> str:
    number = work.connection.info.server_version
    return f"{number // 10_000}.{number % 10_000}"


def _own_version() -> str:
    try:
        return version("pgfold")
    except PackageNotFoundError:
        return "from a checkout"
