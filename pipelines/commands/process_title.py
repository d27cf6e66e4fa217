"""The process's title, which everybody on the machine can read: a password on the command line must leave it."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping, Sequence

_OPTION = "--database-url"


def hide_database_url(command: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """Where the command line names a database, start this program again with the URL in its environment instead.

    The environment of a process is for its own account to read (proc(5)). `command` is `sys.orig_argv`.
    """
    without, url = split_database_url(command[1:])
    if url is None or not url.strip():  # an empty one is refused where it is read
        return
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *without], {**environment, "DATABASE_URL": url})


def split_database_url(arguments: Sequence[str]) -> tuple[list[str], str | None]:
    """The arguments without `--database-url URL`, and the URL; None where there is none, or it is incomplete."""
    left: list[str] = []
    url: str | None = None
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if argument == "--":
            left += [argument, *rest]
        elif name == _OPTION and equals:
            url = value
        elif name == _OPTION:
            url = next(rest, None)
        else:
            left.append(argument)
    return left, url
