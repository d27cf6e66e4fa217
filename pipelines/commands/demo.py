"""`pgfold demo`: the whole way on the sample tables, there, back, there again, and back from the backup."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from pipelines.core.reconciliation import RollbackOptions
from pipelines.core.report import Status
from pipelines.core.spec import Spec
from pipelines.database import approvals
from pipelines.database.connection import Connection
from pipelines.database.embedded import embedded_server
from pipelines.database.programs import ProgramName, find_program, run_program
from pipelines.sample import sample_sql
from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.steps.outcome import Outcome
from pipelines.steps.standing import find_standing
from pipelines.steps.surroundings import Surroundings
from pipelines.terminal import Terminal

NAME = "issues"
EDITED = (
    "UPDATE public.exai_issues SET title = title || ' (edited)', severity = 'critical' WHERE source_system = 'issues'"
)
LOOK = "SELECT title, priority FROM public.issues"
DUMPED = ("--table=public.issues", "--table=public.exai_issues_tracker", "--table=public.exai_issues")


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """In a folder of its own, which stays so that its report can be read; no database of yours is touched."""
    folder = Path(tempfile.mkdtemp(prefix="pgfold-demo-"))
    own = replace(settings, database_url=None, folder=folder)
    with Terminal(sys.stdout) as terminal, embedded_server(own.embedded) as server:
        terminal.say("A PostgreSQL of its own with sample tables: three issue tables that should be one.")
        psql = find_program(ProgramName.PSQL, 180000)
        for script in sample_sql():
            run_program(
                psql, server.url, ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"], script=script
            )
        with surroundings_of(own) as surroundings:
            _show(Demo(terminal, surroundings, load_spec(NAME, Path(__file__).parents[2])))
    terminal.say()
    terminal.say(f"Look at the evidence: {min(folder.glob('backups/*/*/report.html'))}")
    terminal.say("Next: pgfold up shows the same in the Dagster UI; README.md folds two tables of your own.")
    return 0


class Demo:
    """One showing."""

    def __init__(self, terminal: Terminal, surroundings: Surroundings, spec: Spec) -> None:
        self.terminal = terminal
        self.surroundings = surroundings
        self.spec = spec

    def fold(self) -> None:
        """Plan to cut-over."""
        made = workflow.plan(self.surroundings, self.spec)
        self.say(workflow.store_plan(self.surroundings, made))
        self.say(workflow.export(self.surroundings, self.spec))
        for step in (workflow.add, workflow.stage, workflow.check, workflow.cut):
            self.say(step(self.surroundings, self.spec.name))

    def unfold(self) -> None:
        """Undo, with the edits."""
        self.say(workflow.rollback(self.surroundings, self.spec.name, RollbackOptions()))

    def say(self, outcome: Outcome) -> None:
        """One step that is over."""
        self.terminal.step(outcome.step, outcome.sentence, outcome.seconds)

    def title(self, text: str) -> None:
        """What comes next."""
        self.terminal.say()
        self.terminal.say(text)

    def connect(self) -> Connection:
        """A connection for the application's part."""
        return self.surroundings.connect("demo")


def _show(demo: Demo) -> None:
    before = _dump(demo.surroundings)
    demo.title("1. Fold: three tables become one, every row proven.")
    demo.fold()
    demo.title("2. The application edits a row of the one table.")
    _edit(demo)
    demo.title("3. Unfold: the three tables are back, with that edit.")
    demo.unfold()
    _compare(demo, before)
    demo.title("4. Fold again.")
    demo.fold()
    demo.title("5. Drop the archived tables, once their backup has given every row back.")
    _approve(demo)
    demo.say(workflow.drop(demo.surroundings, demo.spec.name, now=True))
    demo.title("6. Unfold once more, now from the backup.")
    demo.unfold()
    _compare(demo, before)


def _edit(demo: Demo) -> None:
    with closing(demo.connect()) as connection:
        rows = connection.execute(EDITED).rowcount
    demo.terminal.say(f"  {rows} row: a longer title, severity critical")


def _approve(demo: Demo) -> None:
    """The yes that a person gives with `pgfold approve issues drop`."""
    standing = find_standing(demo.surroundings, NAME)
    assert standing.run is not None
    with closing(demo.connect()) as connection:
        hash, person = standing.run.plan_hash, demo.surroundings.person
        approvals.approve(connection, NAME, "drop", hash, person, demo.surroundings.now())


def _dump(surroundings: Surroundings) -> list[str]:
    program = find_program(ProgramName.PG_DUMP, 180000)
    text = run_program(program, surroundings.database_url, list(DUMPED))
    return [line for line in text.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]


def _compare(demo: Demo, before: list[str]) -> None:
    after = _dump(demo.surroundings)
    gone, new = set(before) - set(after), set(after) - set(before)
    edited = [line for line in new if "(edited)" in line]
    other = len(new) - len(edited) + len(gone) - len(edited)
    status = Status.FAILED if other else Status.OK
    demo.terminal.say(
        f"  pg_dump before and after: {len(edited)} edited row differs, {other} other lines of {len(before)} differ",
        status,
    )
