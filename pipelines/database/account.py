"""The account that the embedded server runs as: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.core.errors import Refused

_SERVICE_ACCOUNT = "pgfold"
_ROOT = 0


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group; `switch` where this process is root and must become them."""

    uid: int
    gid: int
    switch: bool


def choose_account(data: Path) -> Account:
    """Ourselves; as root the owner of an existing cluster, else a service account, made when missing.

    Raises:
        Refused: the service account is missing and cannot be made.
    """
    if os.geteuid() != _ROOT:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if data.exists() and (owner := data.stat()).st_uid != _ROOT:
        return Account(owner.st_uid, owner.st_gid, switch=True)
    entry = _service_account()
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def own(path: Path, account: Account) -> None:
    """Give the path to the account; nothing to do unless we are root."""
    if account.switch:
        os.chown(path, account.uid, account.gid)


def open_way(path: Path, account: Account) -> None:
    """Let others pass through, not read, the folders above the path; nothing to do unless we are root."""
    for folder in path.parents if account.switch else ():
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def share_installation(installation: Path, account: Account) -> None:
    """Let the account run what root installed: under /root, or with a narrow umask."""
    open_way(installation, account)
    libraries = installation.parent.with_name(f"{installation.parent.name}.libs")
    if not account.switch or (installation / "bin" / "postgres").stat().st_mode & stat.S_IXOTH:
        return
    for folder in (installation, libraries):
        for path in (folder, *folder.rglob("*")):
            mode = path.stat().st_mode
            runs = stat.S_IXOTH if mode & stat.S_IXUSR else 0
            path.chmod(mode | stat.S_IROTH | runs)


def run_as(account: Account, command: Sequence[str], working_folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a server program as the account, without libpq's variables, in a locale whose messages are English."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return subprocess.run(
        command,
        cwd=working_folder,
        env={**environment, "LC_ALL": "C"},
        user=account.uid if account.switch else None,
        group=account.gid if account.switch else None,
        extra_groups=[] if account.switch else None,
        umask=0o077,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_SERVICE_ACCOUNT)
    except KeyError:
        return _make_service_account()


def _make_service_account() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SERVICE_ACCOUNT]
    try:
        subprocess.run(command, check=False, capture_output=True)
        return pwd.getpwnam(_SERVICE_ACCOUNT)  # another process may have made it meanwhile
    except (OSError, KeyError):
        raise Refused(
            f"PostgreSQL does not run as root, and the account {_SERVICE_ACCOUNT!r} could not be made: run pgfold"
            " as an ordinary user, or set DATABASE_URL to a server of your own"
        ) from None
