"""What a person sees while a run goes on: a line a step, and the bar of the running one."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from pipelines.core.checks import failed
from pipelines.core.errors import PgfoldError, StepFailed
from pipelines.core.plan import Plan
from pipelines.core.reconciliation import Verdict
from pipelines.core.report import Status
from pipelines.steps.outcome import Outcome
from pipelines.steps.session import Progress
from pipelines.terminal import Terminal


class RunScreen:
    """Hears what the steps tell, writes it, and keeps what stopped them."""

    def __init__(self, terminal: Terminal, folder: Path) -> None:
        self._terminal = terminal
        self._folder = folder
        self._stopped_by: PgfoldError | KeyboardInterrupt | None = None
        self.verdict: Verdict | None = None

    def hear(self, told: Progress | Plan | Outcome | Verdict | PgfoldError | KeyboardInterrupt) -> None:
        """One thing that a step tells."""
        match told:
            case Progress():
                self._terminal.progress(told.step, told.rows_done, told.rows_total, told.note)
            case Outcome():
                self._outcome(told)
            case Verdict():
                self.verdict = told
            case PgfoldError() | KeyboardInterrupt():
                self._terminal.rest()
                self._stopped_by = told
            case Plan():
                pass  # its outcome follows
            case _:
                assert_never(told)

    def raise_what_stopped_it(self) -> None:
        """The error of the step that failed, if one did."""
        if self._stopped_by is not None:
            raise self._stopped_by

    def _outcome(self, outcome: Outcome) -> None:
        bad = failed(outcome.checks)
        sentence = short_paths(outcome.sentence, self._folder)
        self._terminal.step(outcome.step, sentence, outcome.seconds, Status.FAILED if bad else Status.OK)
        for check in bad:
            self._terminal.say_all(f"    {detail}" for detail in check.details)
        if bad:
            self._stopped_by = StepFailed(
                f"{outcome.step}: {'; '.join(check.name for check in bad)} failed; the target is untouched."
                " Correct it, then run it again"
            )
        sealed = outcome.facts.get("sealed_folder")
        if sealed is not None:
            self._terminal.say(f"  {'sealed':<11} {short_paths(str(sealed), self._folder)}")


def short_paths(text: str, folder: Path) -> str:
    """Paths below the folder that a person is in, as they would type them."""
    return text.replace(f"{folder}/", "")
