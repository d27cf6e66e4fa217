"""`python -m daemon`: the four servers, with settings from the environment."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from pathlib import Path

import uvloop

from daemon.errors import DaemonError
from daemon.process import run
from daemon.settings import read_settings


def main() -> int:
    """The exit status: 0 after a stop that was asked for."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    sys.setswitchinterval(0.001)  # the event loop waits for no more than this while the writer's thread computes
    try:
        settings = read_settings(os.environ, Path.cwd())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(settings, lambda line: print(line, flush=True)))
    except DaemonError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
