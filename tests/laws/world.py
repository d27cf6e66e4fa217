"""A consolidation on a database: loaded, folded, edited, unfolded, and read in output form."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from pipelines.core.checks import failed
from pipelines.core.findings import Finding, errors
from pipelines.core.reconciliation import RollbackOptions, Verdict
from pipelines.core.schema import TableName
from pipelines.core.spec import Spec
from pipelines.core.spec_file import parse_spec
from pipelines.database import approvals
from pipelines.steps import workflow
from pipelines.steps.outcome import Outcome
from pipelines.steps.standing import find_standing
from pipelines.steps.surroundings import Surroundings
from tests.databases import Database
from tests.dump import dump
from tests.laws.consolidations import NAME, Consolidation

Key = tuple[str, ...]
Values = Mapping[str, str]  # column or place -> output form
Rows = Mapping[Key, Values]

STEPS = (workflow.add, workflow.stage, workflow.check, workflow.cut)


class CheckFailed(AssertionError):
    """What the plan accepted did not fold."""


def output(value: sql.Composable) -> sql.Composed:
    """A value's exact text; NULL, empty and blanks are told apart."""
    return sql.SQL("ROW({})::record::text").format(value)


@dataclass
class World:
    """One consolidation on one database of its own."""

    database: Database
    case: Consolidation
    folder: Path
    surroundings: Surroundings = field(init=False)
    spec: Spec = field(init=False)

    def __post_init__(self) -> None:
        self.surroundings = Surroundings(
            self.database.url, self.folder, lambda: datetime.now(UTC), uuid4, time.sleep, lambda _: None, "ada"
        )
        self.spec = parse_spec(NAME, self.case.spec_text, "defs.yaml")

    def load(self) -> None:
        """The tables, and those of their rows that their own rules allow."""
        with self.database.connect() as connection:
            connection.execute("CREATE SCHEMA old")
            for table in self.case.tables:
                connection.execute(table.definition())
                for statement in table.inserts():
                    with suppress(psycopg.DataError, psycopg.IntegrityError):
                        connection.execute(statement)

    def fold(self) -> tuple[Finding, ...]:
        """From plan to cut-over; the plan's errors, and nothing is touched, where it has some."""
        made = workflow.plan(self.surroundings, self.spec)
        if errors(made.findings):
            return errors(made.findings)
        workflow.store_plan(self.surroundings, made)
        workflow.export(self.surroundings, self.spec)
        for step in STEPS:
            outcome = step(self.surroundings, NAME)
            if failed(outcome.checks):
                raise CheckFailed(outcome.checks)
        return ()

    def begin(self, steps: int) -> tuple[Finding, ...]:
        """The same, stopped after some of the steps."""
        made = workflow.plan(self.surroundings, self.spec)
        if not errors(made.findings):
            workflow.store_plan(self.surroundings, made)
            workflow.export(self.surroundings, self.spec)
            for step in STEPS[:steps]:
                step(self.surroundings, NAME)
        return errors(made.findings)

    def verdict(self, options: RollbackOptions) -> Verdict:
        """Could it be undone now?"""
        return workflow.reconcile(self.surroundings, NAME, options)

    def unfold(self, options: RollbackOptions) -> Outcome:
        """The way back."""
        return workflow.rollback(self.surroundings, NAME, options)

    def drop(self) -> None:
        """The archived tables, with a person's yes."""
        run = find_standing(self.surroundings, NAME).run
        assert run is not None
        with closing(self.surroundings.connect("test")) as connection:
            approvals.approve(connection, NAME, "drop", run.plan_hash, "ada", datetime.now(UTC))
        workflow.drop(self.surroundings, NAME, now=True)

    def dump(self, *, with_own: bool = False) -> str:
        """Everything, as text."""
        return dump(self.database, with_own=with_own)

    def rows(self, table: TableName, key: Sequence[str]) -> Rows:
        """The rows of a table as it is now, by key."""
        with closing(self.surroundings.connect("test")) as connection:
            return read_rows(connection, table, key)

    def target_rows(self) -> Rows:
        """The target's."""
        return self.rows(self.case.target.name, self.case.target.key)

    def child_rows(self) -> dict[TableName, Rows]:
        """Those of every child."""
        return {child.name: self.rows(child.name, child.key) for child in self.case.children}

    def source_rows(self) -> dict[TableName, Rows]:
        """Those of every source, while it stands where it belongs."""
        return {s.table.name: self.rows(s.table.name, s.table.key) for s in self.case.sources}


def read_rows(connection: psycopg.Connection[tuple[object, ...]], table: TableName, key: Sequence[str]) -> Rows:
    """Every column in output form."""
    names = columns_of(connection, table)
    keys = [output(sql.Identifier("r", name)) for name in key]
    values = [output(sql.Identifier("r", name)) for name in names]
    query = sql.SQL("SELECT ARRAY[{}], ARRAY[{}] FROM {} r").format(
        sql.SQL(", ").join(keys), sql.SQL(", ").join(values), table.identifier
    )
    found = connection.execute(query).fetchall()
    read: dict[Key, Values] = {tuple(key): dict(zip(names, texts, strict=True)) for key, texts in found}  # type: ignore[arg-type, call-overload]
    assert len(read) == len(found), f"a key of {table} is there twice"
    return read


def columns_of(connection: psycopg.Connection[tuple[object, ...]], table: TableName) -> list[str]:
    """The columns that it has now."""
    query = sql.SQL(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = {}::regclass AND attnum > 0 AND NOT attisdropped"
    ).format(sql.Literal(table.identifier.as_string(None)))
    return [str(name) for (name,) in connection.execute(query).fetchall()]
