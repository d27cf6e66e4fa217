"""A fold driven step by step, as far as the cut-over, without backups: for tests of the way there and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from textwrap import dedent, indent
from uuid import uuid4

import pytest

from pipelines.core.checks import failed
from pipelines.core.findings import errors
from pipelines.core.fold import Fold, build_fold
from pipelines.core.ledger_rows import FoldStanding, FoldState, FoldTable, Run, RunKind, TableRole
from pipelines.core.lens_building import build_lens
from pipelines.core.reconciliation import RollbackBlocked, RollbackOptions, Verdict
from pipelines.core.recorded import Recorded
from pipelines.core.spec_file import parse_spec
from pipelines.database import ledger, ledger_folds, ledger_runs
from pipelines.database.connection import Connection, become_replica
from pipelines.database.introspection import read_schema, read_types
from pipelines.steps import add_columns, cut_over, map_fields, verify
from pipelines.steps.add_columns import AddColumns
from pipelines.steps.back import restore
from pipelines.steps.back.lock_time import FEW_ROWS
from pipelines.steps.back.reconcile import reconcile
from pipelines.steps.back.restore import Restore, Restored
from pipelines.steps.back.survey import survey
from pipelines.steps.cut_over import CutOver, Window
from pipelines.steps.map_fields import MapFields
from pipelines.steps.rebuild import rebuild_fold
from pipelines.steps.rows import keeping_tables
from pipelines.steps.session import Session
from pipelines.steps.verify import Verify
from tests.databases import Database
from tests.dump import dump


def spec_text(target: str, *sources: str, more: str = "") -> str:
    """A defs.yaml: each source's lines, and further attributes."""
    bodies = [indent(dedent(source).strip() + "\n", "      ") for source in sources]
    listed = "".join(body.replace("      ", "    - ", 1) for body in bodies)
    attributes = indent(dedent(more).strip() + "\n", "  ") if more else ""
    return f"type: pipelines.Consolidation\nattributes:\n  target: {target}\n{attributes}  sources:\n{listed}"


@dataclass(frozen=True, slots=True)
class Folding:
    """One consolidation on one database."""

    database: Database
    text: str
    name: str = "things"
    few_rows: int = FEW_ROWS
    folder: Path = field(default_factory=lambda: Path(gettempdir()) / f"pgfold-test-{uuid4()}")

    def fold(self) -> Fold:
        """From the first statement to the cut-over; a second time, it is a refold."""
        recorded = self.prepare()
        with self.session() as session:
            fold = rebuild_fold(recorded)
            refold = self.was_folded(session.connection)
            step = MapFields(fold, refold)
            since = map_fields.begin(step, session).since_xid
            map_fields.apply(step, session)
            checks = verify.apply(Verify(fold, refold), session)
            assert not failed(checks), failed(checks)
            cut_over.apply(CutOver(fold, refold, since), session, lambda window: self._record(session, window))
            cut_over.finish(CutOver(fold, refold), session)
            session.execute_all(keeping_tables.drop_working_tables(fold))
            ledger_runs.finish_run(session.connection, self.run(session.connection), _now())
        return fold

    def prepare(self) -> Recorded:
        """As far as the captured sources and the added columns."""
        spec = parse_spec(self.name, self.text, "defs.yaml")
        with closing(self.database.connect_as_pgfold()) as connection:
            ledger.ensure_ledger(connection, "public")
            schema = read_schema(connection, spec.table_names)
            types = read_types(connection, [added.type for added in spec.add_columns])
            built = build_lens(spec, schema, types)
            assert built.lens is not None, built.findings
            assert not errors(built.findings), errors(built.findings)
            fold = build_fold(spec, schema, built.lens).fold
            run = self._start(connection, RunKind.FOLD)
            tables = (FoldTable(spec.target, TableRole.TARGET),
                      *(FoldTable(name, TableRole.SOURCE) for name in spec.source_names),
                      *(FoldTable(name, TableRole.CHILD) for name in fold.children))  # fmt: skip
            ledger_folds.set_fold_state(
                connection, FoldState(self.name, FoldStanding.FOLDING, spec.target, run.id, tables=tables)
            )
            recorded = Recorded(self.name, self.text, schema, types, (), (),
                                tuple(a.name for a in fold.added), fold.dropped_not_null)  # fmt: skip
            ledger_folds.save_recorded(connection, self.name, recorded)
        with self.session() as session:
            add_columns.apply(AddColumns(fold), session)
        return recorded

    def verdict(self, options: RollbackOptions = RollbackOptions()) -> Verdict:  # noqa: B008
        """Could it be undone now? Nothing is changed."""
        with self.session() as session:
            step = self._restore(session, options)
            return reconcile(session, step.reconcile, step.survey.findings)

    def unfold(self, options: RollbackOptions = RollbackOptions()) -> Restored:  # noqa: B008
        """The way back."""
        with closing(self.database.connect_as_pgfold()) as connection:
            run = self._start(connection, RunKind.ROLLBACK)
        with self.session() as session:
            step = self._restore(session, options)
            restored = restore.apply(step, session, lambda _: self._record_rollback(session, run))
            restore.finish(step, session)
            ledger_runs.finish_run(session.connection, run, _now())
        return restored

    def undo_as_planned(self, options: RollbackOptions = RollbackOptions()) -> Verdict:  # noqa: B008
        """The way back, and that a look before said exactly what it does; blocked, it must change nothing at all."""
        planned = self.verdict(options)
        if planned.can_be_undone:
            assert self.unfold(options).verdict == planned
            return planned
        before = dump(self.database, with_own=True)
        with pytest.raises(RollbackBlocked) as refused:
            self.unfold(options)
        assert refused.value.verdict == planned
        assert _but_for_runs(dump(self.database, with_own=True)) == _but_for_runs(before)
        return planned

    def _restore(self, session: Session, options: RollbackOptions) -> Restore:
        recorded = ledger_folds.load_recorded(session.connection, self.name)
        assert recorded is not None
        fold = rebuild_fold(recorded)
        found = survey(session, fold, recorded)
        return Restore(fold, recorded, options, found, self.folder, self.few_rows)

    def _record_rollback(self, session: Session, run: Run) -> None:
        state = ledger_folds.fold_state(session.connection, self.name)
        ledger_folds.set_fold_state(session.connection, replace(state, standing=FoldStanding.ROLLED_BACK))
        ledger_runs.record_rolled_back(session.connection, run, _now())

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session in the replica role, about the fold's latest run."""
        with closing(self.connect()) as connection:
            run = ledger_runs.runs_of(connection, self.name)[0]
            yield Session(connection, self.connect, run.id, lambda _: None, _now, lambda _: None)

    def connect(self) -> Connection:
        """A connection as a step has it."""
        connection = self.database.connect_as_pgfold()
        become_replica(connection)
        return connection

    def run(self, connection: Connection) -> Run:
        """The latest run."""
        return ledger_runs.runs_of(connection, self.name)[0]

    def was_folded(self, connection: Connection) -> bool:
        """Whether a cut-over went before."""
        return any(run.cut_over_at is not None for run in ledger_runs.runs_of(connection, self.name))

    def _start(self, connection: Connection, kind: RunKind) -> Run:
        return ledger_runs.start_run(
            connection, id=uuid4(), fold=self.name, kind=kind, plan_hash="3f9a1c", spec_sha256="9" * 64,
            tracking_schema="public", started_by="ada", at=_now(),
        )  # fmt: skip

    def _record(self, session: Session, window: Window) -> None:
        connection, at = session.connection, _now()
        recorded = ledger_folds.load_recorded(connection, self.name)
        assert recorded is not None
        ledger_folds.save_recorded(connection, self.name, replace(recorded, sequences_after=window.sequences_after))
        state = ledger_folds.fold_state(connection, self.name)
        ledger_folds.set_fold_state(connection, replace(state, standing=FoldStanding.FOLDED, cut_over_at=at))
        ledger_runs.record_cut_over(connection, self.run(connection), at)


def _but_for_runs(text: str) -> str:
    """Without what a refused rollback may leave: that there was one."""
    blocks = re.split(r"(?m)^(?=COPY )", text)
    return "".join(block for block in blocks if not block.startswith("COPY pgfold.runs "))


def _now() -> datetime:
    return datetime.now(UTC)
