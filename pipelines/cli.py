"""The `pgfold` command: arguments in, exit status out. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pipelines.commands.parser import build_parser
from pipelines.core.errors import ApprovalNeeded, PgfoldError, Refused, SpecError
from pipelines.settings import read_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    The exit status is SPEC.md's: 0 done, 1 a step or check failed, 2 spec or command line wrong, 3 refused,
    4 waits for an approval; 130 stopped by Ctrl-C.
    """
    asked = build_parser().parse_args(arguments)
    try:
        return _run(asked)
    except PgfoldError as error:
        _tell(error, asked)
        return error.exit_status
    except KeyboardInterrupt:
        sys.stderr.write("stopped; what was committed stays, run it again to go on\n")
        return 130
    except BrokenPipeError:
        # The reader of our output went away (a pager, head): nothing to say to nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(asked: argparse.Namespace) -> int:
    settings = read_settings(os.environ, Path.cwd(), asked.database_url)
    command = importlib.import_module(f"pipelines.commands.{asked.module}")
    status: int = command.run(asked, settings)
    return status


def _tell(error: PgfoldError, asked: argparse.Namespace) -> None:
    from pipelines.core.plan_text import findings_lines
    from pipelines.database.connection import redact

    sys.stderr.write(redact(str(error), asked.database_url or os.environ.get("DATABASE_URL")) + "\n")
    if isinstance(error, SpecError | Refused) and error.findings:
        sys.stderr.write("\n".join(findings_lines(error.findings, "defs.yaml")) + "\n")
    if isinstance(error, ApprovalNeeded):
        sys.stderr.write("Nothing more was done.\n")


if __name__ == "__main__":
    sys.exit(main())
