"""The steps as a person or Dagster calls them, each by itself: it goes on where the run stands and says what it did."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from pydantic import JsonValue

from pipelines.core.checks import Check, failed
from pipelines.core.errors import Refused
from pipelines.core.findings import errors
from pipelines.core.fold import Fold
from pipelines.core.ledger_rows import (
    FoldStanding,
    FoldState,
    FoldTable,
    PlanRecord,
    RunKind,
    TableRole,
)
from pipelines.core.plan import Plan
from pipelines.core.plan_text import plan_markdown
from pipelines.core.reconciliation import KEEP_EDITS, RollbackOptions, Verdict
from pipelines.core.recorded import Recorded
from pipelines.core.report import Undo
from pipelines.core.report_markdown import report_markdown
from pipelines.core.spec import Approval, Spec
from pipelines.core.wording import counted as count
from pipelines.database import approvals, ledger, ledger_folds, ledger_runs, ledger_steps
from pipelines.database.backup_drill import drill
from pipelines.database.connection import Connection
from pipelines.database.pooler import refuse_transaction_pooler
from pipelines.steps import add_columns, cut_over, map_fields, verify
from pipelines.steps import drop as drop_step
from pipelines.steps.add_columns import AddColumns
from pipelines.steps.back import sequences_back, undoing
from pipelines.steps.backup_step import backup_restores, export_tables, seal_tables
from pipelines.steps.cut_over import CutOver, Window
from pipelines.steps.drop import archived_to_itself
from pipelines.steps.evidence import IN_SHORT, all_checks, check_facts, make_report, write_report
from pipelines.steps.map_fields import Begun, MapFields
from pipelines.steps.outcome import Outcome
from pipelines.steps.own_backup import back_up
from pipelines.steps.plan import make_plan
from pipelines.steps.rows import keeping_tables, sweep
from pipelines.steps.running import Working, locked_connection, need_approval, note_done, note_failure, working
from pipelines.steps.standing import refuse_in_force
from pipelines.steps.surroundings import Surroundings
from pipelines.steps.verify import Verify
from pipelines.steps.verifying import is_under_way, verify_standing

# The ledger's name for what the cut-over's transaction did: what came after may fail and be tried again.
WINDOW = "window"


def plan(surroundings: Surroundings, spec: Spec, *, quick: bool = False) -> Plan:
    """Read, prove and decide; nothing is changed. `quick` leaves the proof out.

    Raises:
        Refused: a transaction pooler stands between: what is read there is under nobody's settings. Or the ledger
            cannot be, for example since another program has a schema_migrations.
    """
    refuse_transaction_pooler(surroundings.database_url)
    with closing(surroundings.connect(f"{spec.name} plan")) as connection:
        ledger.check_ledger(connection, surroundings.tracking_schema)
        return make_plan(connection, spec, quick=quick)


def store_plan(surroundings: Surroundings, made: Plan) -> Outcome:
    """Keep a proven plan in the ledger, where a run and an approval find it by its hash.

    Raises:
        Refused: the plan has errors; nothing was touched.
    """
    spec = made.spec
    refuse(made)
    with closing(surroundings.connect(f"{spec.name} plan")) as connection:
        ledger.ensure_ledger(connection, surroundings.tracking_schema)
        at = surroundings.now()
        approvals.save_plan(connection, PlanRecord(spec.name, made.hash, spec.text, plan_markdown(made), at))
    facts: dict[str, JsonValue] = {"plan": made.hash, "rows": made.rows}
    return Outcome("plan", f"{made.hash[:6]}, {count(made.rows, 'row')} proven", made.seconds, facts)


def refuse(made: Plan) -> None:
    """Stop where the plan found errors.

    Raises:
        Refused: with every finding.
    """
    found = errors(made.findings)
    if found:
        raise Refused(f"refused: {count(len(found), 'finding')}, nothing was touched", found)


def export(surroundings: Surroundings, spec: Spec) -> Outcome:
    """Begin the run, or go on with it: write the backup of everything the fold concerns.

    Raises:
        Refused: the fold is in force, the plan changed since it was proven, or another plan's run is under way.
    """
    begin(surroundings, spec)
    with working(surroundings, spec.name, "export") as work:
        done = work.done("export")
        if done is not None:
            return Outcome("export", f"{work.run.backup_location}", 0.0, done.facts, already=True)
        started = surroundings.now()
        facts = export_tables(work)
        note_done(work, "export", facts)
        sentence = f"{facts['tables']} tables, {count(int(str(facts['rows'])), 'row')}, {facts['folder']}"
        return Outcome("export", sentence, _since(surroundings, started), facts)


def begin(surroundings: Surroundings, spec: Spec) -> None:
    """Start a run of the proven plan, unless one is under way."""
    with locked_connection(surroundings, spec.name, "export") as connection:
        unfinished = ledger_runs.find_unfinished_run(connection, spec.name, RunKind.FOLD)
        if unfinished is not None:
            if unfinished.spec_sha256 != spec.sha256:
                raise Refused(
                    f"{spec.name}: a run of another spec is under way, begun {unfinished.started_at:%Y-%m-%d} UTC;"
                    f" pgfold rollback {spec.name} first"
                )
            return
        refuse_in_force(ledger_folds.fold_state(connection, spec.name))
        made = make_plan(connection, spec, quick=True)
        refuse(made)
        if approvals.load_plan(connection, spec.name, made.hash) is None:
            raise Refused(f"{spec.name}: plan {made.hash[:6]} was not proven yet; pgfold run {spec.name} plans again")
        assert made.fold is not None
        _start(surroundings, connection, made, made.fold)


def _start(surroundings: Surroundings, connection: Connection, made: Plan, fold: Fold) -> None:
    spec, at = made.spec, surroundings.now()
    with connection.transaction():
        run = ledger_runs.start_run(
            connection,
            id=surroundings.new_id(),
            fold=spec.name,
            kind=RunKind.FOLD,
            plan_hash=made.hash,
            spec_sha256=spec.sha256,
            tracking_schema=surroundings.tracking_schema,
            started_by=surroundings.person,
            at=at,
            dagster_run_id=surroundings.dagster_run_id,
        )
        state = FoldState(
            spec.name, FoldStanding.FOLDING, spec.target, run.id, drop_after=spec.drop_after, tables=_tables(fold)
        )
        ledger_folds.set_fold_state(connection, state)
        recorded = Recorded(
            spec.name,
            spec.text,
            fold.schema,
            made.added_types,
            sequences_before=sequences_back.note(connection, fold.schema[spec.target]),
            added_columns=tuple(added.name for added in fold.added),
            dropped_not_null=fold.dropped_not_null,
            drawn=tuple(a.name for a in fold.added if fold.lens.target[a.name].default_is_volatile),
            functions=made.functions,
        )
        ledger_folds.save_recorded(connection, spec.name, recorded)


def _tables(fold: Fold) -> tuple[FoldTable, ...]:
    empty = {table.name for table in fold.lens.empty}
    return (
        FoldTable(fold.lens.target.name, TableRole.TARGET),
        *(FoldTable(t.name, TableRole.EMPTY if t.name in empty else TableRole.SOURCE) for t in fold.lens.archived),
        *(FoldTable(child, TableRole.CHILD) for child in fold.children),
    )


def add(surroundings: Surroundings, name: str) -> Outcome:
    """add_columns: the target's new columns, and change capture."""
    with working(surroundings, name, "add_columns") as work:
        work.need("export", "add_columns")
        if (done := work.done("add_columns")) is not None:
            return Outcome("add_columns", _added(work.fold), 0.0, done.facts, already=True)
        started = surroundings.now()
        add_columns.apply(AddColumns(work.fold), work.session)
        facts: dict[str, JsonValue] = {"columns": [added.name for added in work.fold.added]}
        note_done(work, "add_columns", facts)
        return Outcome("add_columns", _added(work.fold), _since(surroundings, started), facts)


def _added(fold: Fold) -> str:
    return ", ".join(added.name for added in fold.added) or "none to add; changes are captured"


def stage(surroundings: Surroundings, name: str) -> Outcome:
    """map_fields: go on with the batches that are left."""
    with working(surroundings, name, "map_fields") as work:
        work.need("add_columns", "map_fields")
        if (done := work.done("map_fields")) is not None:
            rows = int(str(done.facts["rows"]))
            return Outcome("map_fields", f"{rows:,} of {rows:,} rows", 0.0, done.facts, already=True)
        started = surroundings.now()
        step = MapFields(work.fold, refold=_is_refold(work))
        begun = _begun(work, step)
        map_fields.apply(step, work.session, begun.rows)
        rows = map_fields.rows_staged(work.session)
        seconds = _since(surroundings, started)
        facts: dict[str, JsonValue] = {
            "rows": rows,
            "since_xid": begun.since_xid,
            "refold": step.refold,
            "seconds": seconds,
        }
        note_done(work, "map_fields", facts)
        return Outcome("map_fields", f"{rows:,} of {rows:,} rows", seconds, facts)


def _begun(work: Working, step: MapFields) -> Begun:
    done = work.done(map_fields.BEGUN)
    if done is not None:
        return Begun(int(str(done.facts["since_xid"])), int(str(done.facts["rows"])))
    return map_fields.begin(step, work.session)


def _is_refold(work: Working) -> bool:
    """Rows of it were folded before: the target may say things that the sources cannot."""
    return any(run.cut_over_at is not None for run in ledger_runs.runs_of(work.connection, work.fold.name))


def check(surroundings: Surroundings, name: str) -> Outcome:
    """verify: every staged row, the target's rules, and the backup. A failed check is in the outcome."""
    with working(surroundings, name, "verify") as work:
        work.need("map_fields", "verify")
        if work.run.cut_over_at is not None:
            passed = work.need("verify", "cut_over")
            told = f"passed before the cut-over of {work.run.cut_over_at:%Y-%m-%d %H:%M} UTC; its seal is left"
            return Outcome("verify", told, 0.0, passed.facts, all_checks({"verify": passed}), already=True)
        started = surroundings.now()
        checks = (*verify.apply(Verify(work.fold, _is_refold(work)), work.session), backup_restores(work))
        facts: dict[str, JsonValue] = {"checks": [check_facts(c) for c in checks], "passed": not failed(checks)}
        if failed(checks):
            note_failure(work, "verify", _verified(checks))
        else:
            note_done(work, "verify", facts)
        return Outcome("verify", _verified(checks), _since(surroundings, started), facts, checks)


def _verified(checks: tuple[Check, ...]) -> str:
    bad = failed(checks)
    if bad:
        return "; ".join(c.sentence for c in bad)
    rows = [c for c in checks if c.name.startswith("read_back")]
    total = sum(c.over for c in rows)
    return f"{total:,} of {total:,} rows equal, {len(checks)} checks passed"


def cut(surroundings: Surroundings, name: str) -> Outcome:
    """cut_over with its seal: one transaction, then the keys are validated and the archive is exported.

    Raises:
        ApprovalNeeded: the spec wants a person's yes first.
        RowsDiffer: verify has not passed; nothing was changed.
    """
    with working(surroundings, name, "cut_over") as work:
        if work.run.cut_over_at is None:
            work.need("verify", "cut_over")
            if work.fold.spec.approval in (Approval.CUT_OVER, Approval.BOTH):
                need_approval(work, "cut_over")
            _cut_over(work)
        started = surroundings.now()
        cut_over.finish(CutOver(work.fold), work.session)
        _sweep_again(work)
        sealed = _seal(work)
        work.session.execute_all(keeping_tables.drop_working_tables(work.fold))
        facts = {**_window_facts(work), **sealed}
        note_done(work, "cut_over", facts)
        ledger_runs.finish_run(work.connection, work.run, surroundings.now())
        sentence = f"locked {facts.get('locked_ms')} ms; archived {count(len(work.fold.lens.archived), 'table')}"
        checks = all_checks({step.name: step for step in ledger_steps.steps_of(work.connection, work.run.id)})
        return Outcome("cut_over", sentence, _since(surroundings, started), facts, checks)


def _seal(work: Working) -> dict[str, JsonValue]:
    """Export the archive as it is frozen, see that it gives every row back, and write the report."""
    at = work.surroundings.now()
    ledger_steps.start_step(work.connection, work.run.id, "seal", at)
    facts = seal_tables(work)
    drilled = drill(work.connection, Path(str(facts["sealed_folder"])), archived_to_itself(work.fold))
    seconds = _since(work.surroundings, at)
    check = Check("sealed", "The sealed backup restores, equal to the archive", True, drilled.rows, 0, seconds)
    facts |= {"checks": [check_facts(check)]}
    ledger_steps.finish_step(work.connection, work.run.id, "seal", work.surroundings.now(), facts)
    restored = {table.name: table.restored for table in drilled.tables}
    verdict = undoing.reconcile(work.surroundings, work.fold.name)
    report = make_report(work, restored=restored, undo=Undo(work.surroundings.now(), verdict))
    return {**facts, "report": str(write_report(work, report)), IN_SHORT: report_markdown(report)}


def verify_now(surroundings: Surroundings, spec: Spec) -> Outcome:
    """The checks that can be made now: of the run under way, of the fold in force, or of a fold to come."""
    if is_under_way(surroundings, spec.name):
        return check(surroundings, spec.name)
    return verify_standing(surroundings, spec)


def backup(surroundings: Surroundings, spec: Spec) -> Outcome:
    """The tables of a consolidation on their own; see `steps.own_backup`."""
    return back_up(surroundings, spec)


def drop(surroundings: Surroundings, name: str, *, now: bool = False) -> Outcome:
    """drop: the archived tables, once the sealed backup gave them back; see `steps.drop`."""
    return drop_step.drop(surroundings, name, now=now)


def _cut_over(work: Working) -> None:
    mapped = work.need("map_fields", "cut_over")
    step = CutOver(work.fold, bool(mapped.facts["refold"]), int(str(mapped.facts["since_xid"])))

    def announce() -> None:
        at = work.surroundings.now()
        state = replace(work.state, standing=FoldStanding.FOLDED, cut_over_at=at, sealed_location=None)
        ledger_folds.set_fold_state(work.connection, state)
        ledger_runs.record_cut_over(work.connection, work.run, at)
        ledger_steps.start_step(work.connection, work.run.id, WINDOW, at)

    def record(window: Window) -> None:
        recorded = replace(work.recorded, sequences_after=window.sequences_after)
        ledger_folds.save_recorded(work.connection, work.fold.name, recorded)
        note_done(work, WINDOW, _facts_of(window))

    note_done(work, WINDOW, _facts_of(cut_over.apply(step, work.session, record, announce)))


def _sweep_again(work: Working) -> None:
    """Once: an edit made later is none that escaped."""
    facts = _window_facts(work)
    listed = facts.get("checks")
    if "xid" not in facts or "swept_again" in facts or not isinstance(listed, list):
        return
    found = sweep.look_again(work.fold, work.session, str(facts["xid"]), refold=_was_refold(work))
    checks = [*listed, *(check_facts(check) for check in found)]
    note_done(work, WINDOW, {**facts, "checks": checks, "swept_again": True})


def _was_refold(work: Working) -> bool:
    return bool(work.need("map_fields", "cut_over").facts["refold"])


def _facts_of(window: Window) -> dict[str, JsonValue]:
    return {
        "locked_ms": round(window.seconds * 1000, 1),
        "tries": window.tries,
        "replayed": window.replayed,
        "swept": window.swept,
        "xid": window.xid,
        "checks": [check_facts(check) for check in window.checks],
    }


def _window_facts(work: Working) -> dict[str, JsonValue]:
    step = work.done(WINDOW)
    return dict(step.facts) if step else {}


def rollback(surroundings: Surroundings, name: str, options: RollbackOptions) -> Outcome:
    """Unfold, from any point; see `steps.undoing`."""
    return undoing.rollback(surroundings, name, options)


def reconcile(surroundings: Surroundings, name: str, options: RollbackOptions = KEEP_EDITS) -> Verdict:
    """Can it be undone now, and what stands in the way; see `steps.undoing`."""
    return undoing.reconcile(surroundings, name, options)


def may_drop_at(state: FoldState) -> datetime | None:
    """When the grace period ends; None where the fold is not in force."""
    if state.cut_over_at is None or not state.in_force:
        return None
    return state.cut_over_at + (state.drop_after or timedelta())


def _since(surroundings: Surroundings, started: datetime) -> float:
    return (surroundings.now() - started).total_seconds()
