"""A process that goes through one step and stops at a moment, to be killed there.

    python -m tests.chaos.stepping URL BACKUPS SPEC STEP MOMENT

A step asks the time again and again, so that how often it did so is a moment of it: at that one the process says
`stopped` and waits. One that ends before says `done`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from pipelines.core.reconciliation import KEEP_EDITS
from pipelines.core.spec_file import parse_spec
from pipelines.steps import workflow
from pipelines.steps.surroundings import Surroundings
from tests.cutting import nothing
from tests.databases import Database


class Clock:
    """The time; at the call of that number something happens first."""

    def __init__(self, moment: int, happens: Callable[[], None]) -> None:
        self.moment = moment
        self.happens = happens
        self.calls = 0

    def now(self) -> datetime:
        """The time."""
        self.calls += 1
        if self.calls == self.moment:
            self.happens()
        return datetime.now(UTC)


def stop() -> None:
    """For ever."""
    say("stopped")
    sys.stdin.read()


def say(word: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def surroundings_at(url: str, backups: Path, clock: Clock) -> Surroundings:
    """As a command has them."""
    return Surroundings(
        database_url=url,
        backups=backups,
        now=clock.now,
        new_id=uuid4,
        wait=time.sleep,
        tell=lambda _: None,
        person="ada",
    )


def take(step: str, surroundings: Surroundings, spec_text: str) -> None:
    """One step of the workflow."""
    spec = parse_spec("things", spec_text, "defs.yaml")
    match step:
        case "export":
            workflow.export(surroundings, spec)
        case "rollback":
            workflow.rollback(surroundings, spec.name, KEEP_EDITS)
        case _:
            functions = {"add_columns": workflow.add, "map_fields": workflow.stage, "verify": workflow.check}
            functions.get(step, workflow.cut)(surroundings, spec.name)


@dataclass(frozen=True, slots=True)
class Place:
    """A database, a folder for backups, and a spec."""

    database: Database
    folder: Path
    spec_text: str

    @property
    def spec(self) -> Path:
        """The spec in a file."""
        path = self.folder / "defs.yaml"
        path.write_text(self.spec_text)
        return path

    def plan(self) -> None:
        """Proven and stored, as a run needs it."""
        spec = parse_spec("things", self.spec_text, "defs.yaml")
        surroundings = surroundings_at(self.database.url, self.folder, Clock(0, nothing))
        workflow.store_plan(surroundings, workflow.plan(surroundings, spec))

    def take(self, step: str, moment: int = 0, happens: Callable[[], None] = nothing) -> int:
        """Take the step in this process; how often it asked the time."""
        clock = Clock(moment, happens)
        take(step, surroundings_at(self.database.url, self.folder, clock), self.spec_text)
        return clock.calls


def main() -> None:
    """The process."""
    url, backups, spec, step, moment = sys.argv[1:]
    take(step, surroundings_at(url, Path(backups), Clock(int(moment), stop)), Path(spec).read_text())
    say("done")


if __name__ == "__main__":
    main()
