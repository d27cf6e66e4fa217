"""rollback.sql: the way back for psql and zstd alone, with the same result as `pgfold rollback --to backup`.

The rows are those of the cut-over, edits made since are saved beside it, and one transaction holds it all.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from psycopg import sql

from pipelines.core.fold import Fold
from pipelines.core.reconciliation import RollbackOptions
from pipelines.core.recorded import Recorded
from pipelines.core.schema import Constraint
from pipelines.core.statement import Statement
from pipelines.database.connection import SESSION_SETTINGS, set_settings
from pipelines.database.named_sql import load_sql
from pipelines.steps import children
from pipelines.steps.back import bystanders, hindrances, homeward, restore, saved_edits, sequences_back
from pipelines.steps.back.bystanders import InboundKey
from pipelines.steps.back.hindrances import FOUND
from pipelines.steps.back.home_rules import foreign_keys
from pipelines.steps.back.homeward import goes_home
from pipelines.steps.back.restore import Restore
from pipelines.steps.back.survey import Survey
from pipelines.steps.rows.capture import regclass

_SQL = load_sql("pipelines.steps.back", "rollback_script.sql")

_HEAD = """\
-- Undoes the fold {name} with psql and zstd: every row as it was at the cut-over, in one transaction.
--     cd <this folder> && psql --no-psqlrc --file=rollback.sql "$DATABASE_URL"
-- Edits made since are saved here, in dropped-edits.jsonl. It stops at the first error with nothing changed.
-- `pgfold rollback {name}` does the same and takes the edits home.

\\set ON_ERROR_STOP on
\\set QUIET on
"""

_DROPPED = """\
-- After `pgfold drop` the rows come from the sealed backup.
SELECT pg_catalog.to_regclass({archived}) IS NULL AS pgfold_dropped \\gset
\\if :pgfold_dropped
\\cd ../{sealed}
\\i restore.sql
\\cd ../{folder}
\\endif
\\unset pgfold_dropped
"""


def rollback_script(fold: Fold, recorded: Recorded, sealed: Path) -> str:
    """The script for psql; it lies in the run's first backup, beside the folder of the sealed one."""
    step = Restore(fold, recorded, RollbackOptions(to_backup=True), survey_as_recorded(fold), sealed)
    archived = regclass(fold.archived(fold.lens.archived[0].name))
    folder = sealed.name.removesuffix("-sealed")
    dropped = _DROPPED.format(archived=sql.Literal(archived).as_string(None), sealed=sealed.name, folder=folder)
    parts = [
        _HEAD.format(name=fold.name),
        _settings(),
        dropped,
        _settings(),
        "BEGIN;\nSET LOCAL lock_timeout = '10s';\n",
        *(_text(statement) for statement in _before_the_rows(step)),
        _saved(step),
        *(_text(statement) for statement in _rows(step)),
        "COMMIT;\n",
        *(_text(statement) for statement in restore.after(step)),
        "BEGIN;\nSET LOCAL lock_timeout = '10s';\n",
        *(_text(s) for s in sequences_back.set_back(fold.schema[fold.lens.target.name], recorded)),
        "COMMIT;\n",
    ]
    return "\n".join(parts)


def survey_as_recorded(fold: Fold) -> Survey:
    """What the script goes by: it looks at today's catalog by itself, where that matters."""
    inbound = tuple(_inbound(fold, c) for c in fold.schema.inbound if c.references == fold.lens.target.name)
    return Survey(
        (), leaving=tuple(added.name for added in fold.added), not_null=fold.dropped_not_null, inbound=inbound
    )


def _inbound(fold: Fold, constraint: Constraint) -> InboundKey:
    assert constraint.references is not None
    key = fold.schema[constraint.table].primary_key
    return InboundKey(
        constraint.name, constraint.table, constraint.columns, constraint.references, constraint.references_columns, key
    )


def _before_the_rows(step: Restore) -> Iterator[Statement]:
    fold = step.fold
    yield Statement(
        "see that the fold is in force, and that none was built on it",
        sql.SQL(_SQL["in_force"]).format(
            fold=sql.Literal(fold.name),
            schema=sql.Literal(fold.lens.target.name.schema),
            target=sql.Literal(fold.lens.target.name.name),
        ),
    )
    yield from restore.prepare(step)
    for table, mode in restore.lock_modes(step).items():
        yield Statement(
            f"lock {table}", sql.SQL("LOCK TABLE {} IN {} MODE").format(table.identifier, sql.SQL(mode.value))
        )
    for home in step.homes:
        yield from homeward.fill(home)
    yield from _refusals(step)


def _refusals(step: Restore) -> Iterator[Statement]:
    """Rows that would be left with a broken reference or rule."""
    fold, by_name = step.fold, step.reconcile.by_name
    looked = [hindrance for home in step.homes for hindrance in foreign_keys(home, by_name)]
    looked += bystanders.hindrances(fold, by_name, (), step.survey.not_null)
    for number, hindrance in enumerate(looked):
        yield hindrances.find(number, hindrance)
        yield Statement(
            f"refuse rows in the way ({hindrance.table})",
            sql.SQL(_SQL["refuse"]).format(
                found=FOUND,
                number=sql.Literal(number),
                table=sql.Literal(str(hindrance.table)),
                reason=sql.Literal(hindrance.reason.replace(" {value}", "")),
            ),
        )
    ours = [f"{r.child.schema}.{r.child.name}.{children.repoint_name(r)}" for r in fold.repoints if r.constrained]
    yield Statement(
        f"refuse rows that reference a row of {fold.lens.target.name} which goes home",
        sql.SQL(_SQL["refuse_children"]).format(
            target=sql.Literal(regclass(fold.lens.target.name)),
            ours=sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(ours)),
            going=sql.Literal(goes_home(fold, "t").as_string(None)),
            own=sql.Literal(goes_home(fold, "c").as_string(None)),
        ),
    )


def _rows(step: Restore) -> Iterator[Statement]:
    written = [regclass(table) for table in restore.lock_modes(step)]
    tables = sql.SQL("{}::pg_catalog.text[]").format(sql.Literal(written))
    yield Statement("silence triggers that never sleep", sql.SQL(_SQL["silence"]).format(tables=tables))
    yield from restore.rows_home(step)
    yield from restore.let_target_go(step)
    yield Statement("wake them again", sql.SQL(_SQL["wake"]))
    yield from restore.tables_home(step)
    yield Statement(
        "note in pgfold's records that the fold is undone",
        sql.SQL(_SQL["note"]).format(fold=sql.Literal(step.fold.name)),
    )


def _settings() -> str:
    return f"{set_settings(SESSION_SETTINGS).as_string(None)};\nSET session_replication_role = replica;\n"


def _saved(step: Restore) -> str:
    query = saved_edits.copied(saved_edits.dropped(step.homes, step.survey.leaving)).as_string(None)
    return f"-- save what does not go home\n{query} \\g 'dropped-edits.jsonl'\n"


def _text(statement: Statement) -> str:
    return f"-- {statement.purpose}\n{statement.text()};\n"
