"""The `pgfold` command: arguments in, exit status out. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pipelines.commands.parser import build_parser
from pipelines.commands.process_title import hide_database_url
from pipelines.settings import read_settings

STOPPED, READER_GONE = 130, 141  # as a shell says of a program that SIGINT or SIGPIPE ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    The exit status is SPEC.md's: 0 done, 1 a step or check failed, 2 spec or command line wrong, 3 refused,
    4 waits for an approval; 130 stopped by Ctrl-C or a signal, 141 nobody reads the output.
    """
    try:
        _open_streams()
        if arguments is None:
            hide_database_url(sys.orig_argv, os.environ)
        with _signals_interrupt():
            status = _run(_parse(arguments))
            sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        sys.stderr.write("stopped; what was committed stays, run it again to go on\n")
        return STOPPED
    except BrokenPipeError:
        # The reader of our output went away (a pager, head): nothing to say to nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    try:
        return build_parser().parse_args(arguments)
    except SystemExit:
        sys.stdout.flush()  # a help text that nobody reads to its end must not fail when Python ends
        raise


def _run(asked: argparse.Namespace) -> int:
    settings = None
    try:
        settings = read_settings(os.environ, Path.cwd(), asked.database_url)
        command = importlib.import_module(f"pipelines.commands.{asked.module}")
        status: int = command.run(asked, settings)
        return status
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - the top: a person is told, and what nobody foresaw goes to a log
        from pipelines.commands.failure import tell_failure

        return tell_failure(error, asked, settings)


def _open_streams() -> None:
    """Streams that were closed when we were started (`>&-`) say nothing; what they cannot encode is written out."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """While inside, SIGTERM and a closed terminal stop the command in order, as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN]
    before = {each: signal.signal(each, interrupt) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


if __name__ == "__main__":
    sys.exit(main())
