"""`pgfold verify`: the lens law and the other checks, now; 1 when one fails."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipelines.commands.junit import junit_xml
from pipelines.core.checks import Check, failed
from pipelines.core.errors import SpecError
from pipelines.core.report import Status
from pipelines.settings import Settings
from pipelines.steps import workflow
from pipelines.steps.loading import load_spec
from pipelines.steps.opening import surroundings_of
from pipelines.terminal import Terminal


def run(asked: argparse.Namespace, settings: Settings) -> int:
    """Show each check, and write them as JUnit where a file is named.

    Raises:
        SpecError: that file cannot be written.
    """
    spec = load_spec(asked.spec, Path.cwd())
    with surroundings_of(settings) as surroundings, Terminal(sys.stdout) as terminal:
        outcome = workflow.verify_now(surroundings, spec)
        for check in outcome.checks:
            _say(terminal, check)
        bad = failed(outcome.checks)
        terminal.say()
        terminal.say(f"{len(outcome.checks) - len(bad)} of {len(outcome.checks)} checks passed.")
    if asked.junit:
        _write(Path(asked.junit), junit_xml(spec.name, outcome.checks))
    return 1 if bad else 0


def _write(file: Path, xml: str) -> None:
    try:
        file.write_text(xml, encoding="utf-8")
    except OSError as error:
        raise SpecError(f"--junit {file} cannot be written: {error.strerror}: name a file that may be") from None


def _say(terminal: Terminal, check: Check) -> None:
    status = Status.OK if check.passed else Status.FAILED if check.blocking else Status.WARN
    word = "passed" if check.passed else "FAILED" if check.blocking else "warning"
    terminal.say(f"  {word:<8} {check.sentence} ({check.over:,} looked at, {check.found:,} found)", status)
    for detail in () if check.passed else check.details:
        terminal.say(f"           {detail}")
