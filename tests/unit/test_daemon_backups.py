"""What is in the folder is what is shown: without a manifest it is no backup, and never restored it is not good."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.backups import Folder, show_backups
from daemon.migrations.ledger import DrillRow
from daemon.probes.finding import Status
from daemon.probes.reported import judge_backups
from monitoring.wire import Backup, Backups

NOW = datetime(2026, 11, 24, 20, 16, 39, tzinfo=UTC)  # 07:16:39 of the 25th in Melbourne
ZONE = ZoneInfo("Australia/Melbourne")
DAY_S = 86_400.0
DUE = " One is due every 1 d: pgfold backup."


def write(root: Path, name: str, at: datetime, *, manifest: bool = True, data: bytes = b"x" * 700) -> Path:
    folder = root / name.partition("/")[0] / f"{at:%Y%m%dT%H%M%SZ}-{name.partition('/')[2]}"
    folder.mkdir(parents=True)
    (folder / "schema.sql").write_bytes(b"s" * 12)
    (folder / "1.jsonl.zst").write_bytes(data)
    if manifest:
        said = {
            "taken_at": at.isoformat(), "schema": {"path": "schema.sql", "size_bytes": 12},
            "tables": [{"file": {"path": "1.jsonl.zst", "size_bytes": len(data)}, "digest": {"rows": 1234}}],
        }  # fmt: skip
        text = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        document = {"format": 1, "sha256": hashlib.sha256(text.encode()).hexdigest(), "backup": said}
        (folder / "manifest.json").write_text(json.dumps(document))
    for path in (*folder.iterdir(), folder):
        os.utime(path, (at.timestamp(), at.timestamp()))
    return folder


def read(root: Path, *drills: DrillRow) -> Backups:
    return show_backups(Folder(root).read(), drills, ZONE, NOW)


def drilled(folder: Path, passed: bool = True) -> DrillRow:
    return DrillRow(f"/elsewhere/{folder.parent.name}/{folder.name}", NOW - timedelta(hours=4), passed, 9.0, None)


def test_a_folder_that_is_not_there_has_no_backups(tmp_path: Path) -> None:
    shown = read(tmp_path / "none")
    assert (shown.kept, shown.newest_us, shown.size_bytes, shown.list) == (0, None, None, [])


def test_backups_are_listed_newest_first_with_what_is_known_of_them(tmp_path: Path) -> None:
    old = write(tmp_path, "issues/aa11", NOW - timedelta(days=3))
    write(tmp_path, "files/bb22", NOW - timedelta(hours=15))
    write(tmp_path, "issues/cc33-sealed", NOW - timedelta(minutes=2))
    (tmp_path / "issues" / "notes").mkdir()
    shown = read(tmp_path, drilled(old))
    assert [(one.name, one.state) for one in shown.list] == [
        ("issues, sealed 07:14", "unproven"),
        ("files, yesterday 16:16", "unproven"),
        ("issues, Sun 22 Nov, 07:16", "good"),
    ]
    assert shown.list[0].sentence == "1,234 rows of 1 table; never restored, so not known to be good."
    assert shown.list[2].sentence == "1,234 rows of 1 table; restored in 9.0 s, digests equal."
    assert (shown.kept, shown.size_bytes) == (3, 3 * 712)
    assert shown.newest_us == round((NOW - timedelta(minutes=2)).timestamp()) * 1_000_000
    assert shown.last_drill_us == round((NOW - timedelta(hours=4)).timestamp() * 1e6)


def test_without_a_manifest_it_is_being_written_or_was_interrupted_and_never_counts(tmp_path: Path) -> None:
    write(tmp_path, "issues/aa11", NOW - timedelta(seconds=50), manifest=False)
    write(tmp_path, "issues/bb22", NOW - timedelta(hours=1), manifest=False)
    shown = read(tmp_path)
    assert [(one.state, one.sentence) for one in shown.list] == [
        ("writing", "712 B so far; becomes a backup when its manifest is written."),
        ("bad", "Interrupted at 712 B: without a manifest it is no backup."),
    ]
    assert (shown.kept, shown.newest_us) == (0, None)


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: (f / "1.jsonl.zst").unlink(), "1.jsonl.zst is missing, 700 B."),
        (lambda f: (f / "1.jsonl.zst").write_bytes(b"y"), "1.jsonl.zst has 1 of 700 bytes."),
        (lambda f: (f / "manifest.json").write_text("{"), "manifest.json cannot be read: "),
        (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json cannot be read: "),
        (
            lambda f: (f / "manifest.json").write_text((f / "manifest.json").read_text().replace("1234", "1235")),
            "manifest.json was altered",
        ),
        (
            lambda f: (f / "manifest.json").write_text(
                (f / "manifest.json").read_text().replace("1.jsonl.zst", "../../secret")
            ),
            "manifest.json was altered",
        ),
    ],
)
def test_a_damaged_backup_is_bad_and_does_not_count(tmp_path: Path, harm: object, told: str) -> None:
    folder = write(tmp_path, "issues/aa11", NOW - timedelta(hours=1))
    harm(folder)  # type: ignore[operator]
    shown = read(tmp_path, drilled(folder))
    (one,) = shown.list
    assert one.state == "bad"
    assert one.sentence.startswith(told)
    assert shown.kept == 0


def test_a_manifest_is_read_again_once_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path, "issues/aa11", NOW - timedelta(hours=1))
    folder = Folder(tmp_path)
    assert folder.read()[0].is_backup
    (path / "manifest.json").write_text("{}")
    assert not folder.read()[0].is_backup


def test_a_drill_that_failed_makes_it_bad(tmp_path: Path) -> None:
    folder = write(tmp_path, "issues/aa11", NOW - timedelta(hours=1))
    (one,) = read(tmp_path, drilled(folder, passed=False)).list
    assert (one.state, one.sentence) == ("bad", "1,234 rows of 1 table; it did not give them back: digests differ")


def backups(age: timedelta | None, *listed: Backup) -> Backups:
    newest = None if age is None else round((NOW - age).timestamp() * 1e6)
    return Backups(kept=1, size_bytes=1, newest_us=newest, last_drill_us=None, list=[*listed])


@pytest.mark.parametrize(
    ("age", "in_force", "status", "reason"),
    [
        (timedelta(seconds=150), 1, Status.HEALTHY, "Newest 2 min 30 s old; none was drilled."),
        (timedelta(days=2), 1, Status.DEGRADED, f"Newest 2 d old; none was drilled.{DUE}"),
        (timedelta(days=4), 1, Status.UNHEALTHY, f"Newest 4 d old; none was drilled.{DUE}"),
        (None, 2, Status.UNHEALTHY, "0 backups, and 2 folds in force."),
        (None, 0, Status.DISABLED, "0 backups yet: the first fold writes one, and so does pgfold backup."),
    ],
)  # fmt: skip
def test_the_age_of_the_newest_backup_is_judged(
    age: timedelta | None, in_force: int, status: Status, reason: str
) -> None:
    found = judge_backups(backups(age), in_force, DAY_S, NOW)
    assert (found.status, found.reason) == (status, reason)


def test_backups_that_nobody_read_are_unknown() -> None:
    assert judge_backups(None, 1, DAY_S, NOW).status is Status.UNKNOWN


def test_a_folder_that_cannot_be_read_is_said_and_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "backups").write_text("not a folder")
    folder = Folder(tmp_path / "backups")
    shown = show_backups(folder.read(), [], ZONE, NOW, folder.troubles)
    assert [one.sentence for one in shown.list] == [
        f"{tmp_path}/backups cannot be read, so nobody knows what it holds: Not a directory."
    ]
    found = judge_backups(shown, 1, DAY_S, NOW)
    assert (found.status, found.reason.startswith("A folder: ")) == (Status.DEGRADED, True)
