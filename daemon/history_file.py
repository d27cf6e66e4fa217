"""History file: opening it for its one writer or for a reader, and saying what is wrong with it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path

from daemon.errors import HistoryUnavailable
from daemon.named_sql import load_sql

_SQL = load_sql("daemon", "history.sql")

VERSION = 1
_BUSY_S = 5
_REMEDIES = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_READONLY": "it is read-only: make the file and its folder writable, or set HISTORY to another",
    "SQLITE_CANTOPEN": "it cannot be opened: make its folder writable, or set HISTORY to another",
    "SQLITE_NOTADB": "it is no history: move it away, or set HISTORY to another",
    "SQLITE_CORRUPT": "it is damaged: move it away, and a new one is begun",
    "SQLITE_BUSY": "another program holds it locked: end that program",
    "SQLITE_IOERR": "the disk did not take what was written: look for its errors and its free space",
}


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection for the writer's thread, with everything created that was missing.

    Commits are synchronised to disk: what was acknowledged outlasts a power failure.

    Raises:
        HistoryUnavailable: saying why it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    except (sqlite3.Error, OSError) as error:
        raise HistoryUnavailable(sentence(path, error)) from error
    try:
        _prepare(connection)
        _check_version(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise HistoryUnavailable(sentence(path, error)) from error
    except HistoryUnavailable:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    connection.execute("PRAGMA cache_size = -32768")
    connection.executescript(_SQL["create"])


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        raise HistoryUnavailable(f"{path} is of version {version}, this daemon keeps version {VERSION}: move it away")
    connection.execute(f"PRAGMA user_version = {VERSION:d}")


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for one thread at a time.

    Raises:
        HistoryUnavailable: saying why it cannot be read.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("SELECT 1 FROM numbering").fetchone()
    except sqlite3.Error as error:
        raise HistoryUnavailable(sentence(path, error)) from error
    return connection


def hold(path: Path) -> int | None:
    """Keep other daemons from this history until the process ends.

    Returns:
        The lock's file, None where its folder takes none.

    Raises:
        HistoryUnavailable: another daemon has it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise HistoryUnavailable(f"another daemon keeps {path}: end it, or set HISTORY to another file") from error
    return lock


def sentence(path: Path, error: Exception) -> str:
    """What is wrong with the file, and what to do."""
    name = getattr(error, "sqlite_errorname", "")
    remedy = next((text for key, text in _REMEDIES.items() if name.startswith(key)), str(error))
    return f"the history {path} cannot be used: {remedy}"
