"""`pgfold doctor`: is everything there that a fold needs, and what to do where it is not."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pipelines.core.errors import PgfoldError
from pipelines.core.findings import errors
from pipelines.core.ledger_rows import FoldStanding
from pipelines.core.report import Status
from pipelines.core.spec import Spec
from pipelines.core.wording import counted, size
from pipelines.database import approvals, ledger, ledger_folds
from pipelines.database.backup_reader import read_manifest, verify_files
from pipelines.database.backup_store import list_backups
from pipelines.database.connection import Connection, become_replica, name_database
from pipelines.database.failures import explained
from pipelines.database.ledger import LedgerStanding
from pipelines.database.pooler import refuse_transaction_pooler
from pipelines.database.programs import ProgramName, find_program
from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import load_spec, spec_names
from pipelines.steps.opening import surroundings_of
from pipelines.steps.surroundings import Surroundings
from pipelines.terminal import Terminal

_SCARCE_BYTES = 1 << 30
_LEDGER = {
    LedgerStanding.MISSING: "schema pgfold is not there yet: the first run makes it",
    LedgerStanding.BEHIND: "schema pgfold is an older program's: the next run brings it up to date",
    LedgerStanding.CURRENT: "schema pgfold is there and up to date",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at."""

    about: str
    status: Status
    sentence: str


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Look at everything; 1 where something must be done."""
    with Terminal(sys.stdout) as terminal:
        failed = False
        for found in diagnose(settings):
            word = {Status.OK: "ok", Status.WARN: "look", Status.FAILED: "fix"}.get(found.status, "unknown")
            terminal.say(f"  {word:<8}{found.about:<12} {found.sentence}", found.status)
            failed = failed or found.status is Status.FAILED
    return 1 if failed else 0


def diagnose(settings: Settings) -> Iterator[Diagnosis]:
    """Database, privileges, programs, ledger, disk, backups and specs, in that order."""
    yield from _settled("settings", lambda: _settings(settings))
    try:
        with (
            explained("look at the database"),
            surroundings_of(settings) as surroundings,
            closing(surroundings.connect("doctor")) as connection,
        ):
            yield from _database(surroundings, connection)
            yield from _specs(surroundings)
    except PgfoldError as error:
        yield Diagnosis("database", Status.FAILED, str(error))
    yield from _backups(settings)


def _settled(about: str, look: Callable[[], str]) -> Iterator[Diagnosis]:
    try:
        yield Diagnosis(about, Status.OK, look())
    except PgfoldError as error:
        yield Diagnosis(about, Status.FAILED, str(error))


def _settings(settings: Settings) -> str:
    where = name_database(settings.database_url) if settings.database_url else f"embedded, in {settings.embedded}"
    return f"{where}; schema_migrations in {settings.tracking_schema}; backups in {settings.backups}"


def _database(surroundings: Surroundings, connection: Connection) -> Iterator[Diagnosis]:
    version = connection.info.server_version
    old = version < 150000
    yield Diagnosis(
        "database",
        Status.FAILED if old else Status.OK,
        f"PostgreSQL {version // 10000}.{version % 10000} answers" + (": 15 or newer is needed" if old else ""),
    )
    yield from _settled("pooler", lambda: _pooler(surroundings))
    yield from _settled("rights", lambda: _rights(connection))
    yield from _settled("programs", lambda: _programs(version))
    try:
        standing = ledger.check_ledger(connection, surroundings.tracking_schema)
    except PgfoldError as error:
        yield Diagnosis("ledger", Status.FAILED, str(error))
        return
    yield Diagnosis("ledger", Status.OK, _LEDGER[standing])
    yield from _under_way(connection)


def _under_way(connection: Connection) -> Iterator[Diagnosis]:
    for waiting in approvals.waiting_approvals(connection):
        yield Diagnosis(
            "approval",
            Status.WARN,
            f"{waiting.step} of {waiting.fold} waits: pgfold approve {waiting.fold} {waiting.step}",
        )
    for state in ledger_folds.fold_states(connection):
        if state.standing is FoldStanding.FOLDING:
            yield Diagnosis(
                "fold",
                Status.WARN,
                f"{state.name} is half way: pgfold run {state.name}, or pgfold rollback {state.name}",
            )


def _pooler(surroundings: Surroundings) -> str:
    refuse_transaction_pooler(surroundings.database_url)
    return "sessions keep their state: no transaction pooler stands between"


def _rights(connection: Connection) -> str:
    become_replica(connection)
    return f"role {connection.info.user} may set session_replication_role"


def _programs(version: int) -> str:
    found = find_program(ProgramName.PG_DUMP, version)
    return f"pg_dump {found.major} fits the server: {found.path}"


def _specs(surroundings: Surroundings) -> Iterator[Diagnosis]:
    for name in spec_names(Path.cwd()):
        try:
            yield _spec(surroundings, load_spec(name, Path.cwd()))
        except PgfoldError as error:
            yield Diagnosis(f"spec {name}", Status.FAILED, str(error))


def _spec(surroundings: Surroundings, spec: Spec) -> Diagnosis:
    with closing(surroundings.connect("doctor")) as connection:
        state = ledger_folds.fold_state(connection, spec.name)
    if state.in_force:
        return Diagnosis(f"spec {spec.name}", Status.OK, f"folded since {state.cut_over_at:%Y-%m-%d}")
    found = errors(workflow.plan(surroundings, spec, quick=True).findings)
    missing = {f.object for f in found if f.rule == "missing_table"}
    if missing >= {str(name) for name in (spec.target, *spec.source_names)}:
        return Diagnosis(f"spec {spec.name}", Status.UNKNOWN, "none of its tables is in this database")
    if not found:
        return Diagnosis(f"spec {spec.name}", Status.OK, f"can be folded; prove it with pgfold plan {spec.name}")
    return Diagnosis(
        f"spec {spec.name}",
        Status.WARN,
        f"{counted(len(found), 'finding')}: {found[0].message}; pgfold plan {spec.name}",
    )


def _backups(settings: Settings) -> Iterator[Diagnosis]:
    parent = next(p for p in (settings.backups, *settings.backups.parents) if p.is_dir())
    free = shutil.disk_usage(parent).free
    said = f"{size(free)} free for backups in {settings.backups}"
    if not os.access(parent, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        yield Diagnosis("disk", Status.FAILED, f"{parent} may not be written to: give access, or set PGFOLD_HOME")
    else:
        yield Diagnosis("disk", Status.WARN if free < _SCARCE_BYTES else Status.OK, said)
    for backup in list_backups(settings.backups)[:1]:
        try:
            verify_files(backup.folder, read_manifest(backup.folder))
            yield Diagnosis("backup", Status.OK, f"the newest is whole: {backup.folder}")
        except PgfoldError as error:
            yield Diagnosis("backup", Status.FAILED, str(error))
