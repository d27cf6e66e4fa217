"""Verification at any time: before a fold by the proof, on the way by its checks, in force by what was sealed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from psycopg import sql

from pipelines.core import names, relations
from pipelines.core.checks import Check, failed
from pipelines.core.errors import BackupDamaged, RowsDiffer, StateUnknown
from pipelines.core.findings import Severity
from pipelines.core.ledger_rows import FoldStanding, FoldState, RunKind
from pipelines.core.lens import SourceLens
from pipelines.core.names import Keeping
from pipelines.core.plan import Plan
from pipelines.core.schema import TableName
from pipelines.core.spec import Spec
from pipelines.core.wording import counted
from pipelines.database import ledger_folds, ledger_runs
from pipelines.database.backup_drill import drill
from pipelines.database.connection import Connection
from pipelines.steps import children
from pipelines.steps.drop import archived_to_itself
from pipelines.steps.outcome import Outcome
from pipelines.steps.plan import make_plan
from pipelines.steps.running import Working, load_working
from pipelines.steps.surroundings import Surroundings


def verify_standing(surroundings: Surroundings, spec: Spec) -> Outcome:
    """Every check that can be made of a consolidation that no run is working on.

    Raises:
        StateUnknown: the ledger names a run that it does not have.
    """
    started = surroundings.now()
    with closing(surroundings.connect(f"{spec.name} verify")) as connection:
        state = ledger_folds.fold_state(connection, spec.name)
        if state.in_force:
            checks = tuple(_in_force(_work(surroundings, connection, state), state))
        else:
            checks = planned_checks(make_plan(connection, spec))
    seconds = (surroundings.now() - started).total_seconds()
    sentence = f"{len(checks) - len(failed(checks))} of {counted(len(checks), 'check')} passed"
    return Outcome("verify", sentence, seconds, checks=checks)


def is_under_way(surroundings: Surroundings, name: str) -> bool:
    """Whether rows are staged, so that the checks of the run itself can be made."""
    with closing(surroundings.connect(f"{name} verify")) as connection:
        run = ledger_runs.find_unfinished_run(connection, name, RunKind.FOLD)
        return run is not None and run.cut_over_at is None


def planned_checks(made: Plan) -> tuple[Check, ...]:
    """The plan's proof and findings as checks."""
    proofs = [
        Check(
            f"read_back_{number}",
            f"Every row of {proof.source} reads back equal through the inverse",
            not proof.differing,
            proof.rows,
            proof.differing,
            proof.took_s,
        )
        for number, proof in enumerate(made.proofs, 1)
    ]
    told = [f for f in made.findings if f.severity is Severity.ERROR]
    rules = Check(
        "preflight",
        "Nothing stands in the way of a fold" if not told else f"{counted(len(told), 'finding')} in the way of a fold",
        not told,
        len(made.findings),
        len(told),
        made.seconds,
        details=tuple(f"{f.message}; {f.remedy}" if f.remedy else f.message for f in told),
    )
    return (*proofs, rules)


def _work(surroundings: Surroundings, connection: Connection, state: FoldState) -> Working:
    run = ledger_runs.find_run(connection, state.run) if state.run else None
    if run is None:
        raise StateUnknown(f"{state.name}: the ledger lost run {state.run}")
    return load_working(surroundings, connection, run, "verify")


def _in_force(work: Working, state: FoldState) -> Iterator[Check]:
    yield _sealed(work, state)
    yield _keys_valid(work)
    if state.standing is FoldStanding.FOLDED:
        for source in work.fold.lens.sources:
            yield _frozen(work, source)


def _sealed(work: Working, state: FoldState) -> Check:
    started = work.surroundings.now()
    live = archived_to_itself(work.fold) if state.standing is FoldStanding.FOLDED else {}
    rows, told = 0, ""
    if state.sealed_location is None:
        told = f"it is not written yet: pgfold run {state.name} writes it"
        return Check("sealed", "There is no sealed backup", False, 0, 1, 0.0, details=(told,))
    try:
        rows = drill(work.connection, Path(state.sealed_location), live).rows
    except (BackupDamaged, RowsDiffer) as error:
        told = str(error)
    sentence = "The sealed backup gives every row back" if not told else "The sealed backup does not give the rows back"
    took_s = (work.surroundings.now() - started).total_seconds()
    return Check("sealed", sentence, not told, rows, 1 if told else 0, took_s, details=(told,) if told else ())


def _keys_valid(work: Working) -> Check:
    started = work.surroundings.now()
    keys = tuple(children.made_keys(work.fold))
    bad = [f"{table}: {name}" for table, name in keys if not _is_valid(work.connection, table, name)]
    took_s = (work.surroundings.now() - started).total_seconds()
    sentence = "Every foreign key to the target is there and valid"
    return Check("foreign_keys", sentence, not bad, len(keys), len(bad), took_s, details=tuple(bad))


def _is_valid(connection: Connection, table: TableName, name: str) -> bool:
    query = "SELECT convalidated FROM pg_constraint WHERE conname = %s AND conrelid = pg_catalog.to_regclass(%s)"
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (table.schema, table.name))
    row = connection.execute(query, (name, quoted)).fetchone()
    return bool(row and row[0])


def _frozen(work: Working, source: SourceLens) -> Check:
    """Every archived row has a home in the row map, so that none can get lost on its way back."""
    started = work.surroundings.now()
    query = sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE m.state IS NULL OR m.state = 'gone') FROM {} s LEFT JOIN {} m ON {}"
    ).format(
        work.fold.archived(source.name).identifier,
        names.keeping(Keeping.ROW_MAP, work.fold.name, source.name).identifier,
        relations.same_key("s", relations.key_names(source), "m", relations.source_key_in_map(source)),
    )
    row = work.connection.execute(query).fetchone() or (0, 0)
    took_s = (work.surroundings.now() - started).total_seconds()
    sentence = f"Every archived row of {source.name} has a home"
    return Check(f"row_map_{source.number}", sentence, row[1] == 0, int(str(row[0])), int(str(row[1])), took_s)
