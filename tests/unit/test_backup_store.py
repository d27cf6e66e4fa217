"""Which backups there are, which is the newest, and which may go."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pipelines.core.errors import BackupDamaged
from pipelines.core.manifest import BackupFacts, Manifest, SavedFile, to_json
from pipelines.database.backup_store import (
    Backup,
    choose_expired,
    find_left_over,
    find_newest,
    folder_of,
    list_backups,
    remove_backup,
)

AT = datetime(2026, 11, 24, 20, 15, tzinfo=UTC)


def make(
    root: Path, day: int, id: str = "7c2e", name: str = "issues", *, sealed: bool = False, whole: bool = True
) -> Path:
    folder = folder_of(root, name, AT + timedelta(days=day), id, sealed=sealed)
    (folder / "data").mkdir(parents=True)
    manifest = Manifest(BackupFacts(name, id, sealed, ""), 180004, "s", AT, SavedFile("schema.sql", 0, ""), ())
    if whole:
        (folder / "manifest.json").write_text(to_json(manifest))
    return folder


def test_a_folder_says_when_and_whose() -> None:
    at = AT.astimezone(timezone(timedelta(hours=5)))
    assert folder_of(Path("b"), "issues", at, "7c2e") == Path("b/issues/20261124T201500Z-7c2e")
    assert folder_of(Path("b"), "issues", at, "7c2e", sealed=True) == Path("b/issues/20261124T201500Z-7c2e-sealed")


def test_only_folders_with_a_manifest_are_listed_newest_first(tmp_path: Path) -> None:
    old, new = make(tmp_path, 0), make(tmp_path, 2)
    sealed = make(tmp_path, 1, sealed=True)
    other = make(tmp_path, 3, name="files")
    make(tmp_path, 4, whole=False)
    (tmp_path / "README.md").write_text("not a backup")
    (tmp_path / "issues" / "something else").mkdir()
    assert [b.folder for b in list_backups(tmp_path, "issues")] == [new, sealed, old]
    assert list_backups(tmp_path)[0] == Backup(AT + timedelta(days=3), "files", "7c2e", False, other)
    assert list_backups(tmp_path / "nothing") == ()


def test_the_newest_that_can_be_read_is_found(tmp_path: Path) -> None:
    good, damaged = make(tmp_path, 0), make(tmp_path, 1)
    sealed = make(tmp_path, 2, sealed=True)
    (damaged / "manifest.json").write_text("{")
    assert find_newest(tmp_path, "issues")[0].folder == sealed
    backup, manifest = find_newest(tmp_path, "issues", sealed=False)
    assert (backup.folder, manifest.facts.run) == (good, "7c2e")


def test_none_is_an_error_that_says_what_was_found(tmp_path: Path) -> None:
    with pytest.raises(BackupDamaged, match="holds no sealed backup that can be read: run pgfold backup"):
        find_newest(tmp_path, "issues", sealed=True)
    (make(tmp_path, 1) / "manifest.json").write_text("{")
    with pytest.raises(BackupDamaged, match=r"manifest\.json cannot be used: it is not JSON"):
        find_newest(tmp_path, "issues")


def test_old_backups_expire_but_not_what_an_undo_needs(tmp_path: Path) -> None:
    days = [make(tmp_path, day) for day in range(5)]
    undone = make(tmp_path, 1, "aaaa")
    sealed = make(tmp_path, 1, "aaaa", sealed=True)
    make(tmp_path, 0, name="files")
    expired = [b.folder for b in choose_expired(list_backups(tmp_path), keep=2, protected=[days[1]])]
    assert expired == [days[2], days[0]]
    assert not {undone, sealed, days[1]} & set(expired)


def test_a_removed_backup_is_gone(tmp_path: Path) -> None:
    folder, kept = make(tmp_path, 0), make(tmp_path, 1)
    (backup,) = (b for b in list_backups(tmp_path) if b.folder == folder)
    remove_backup(backup)
    assert [b.folder for b in list_backups(tmp_path)] == [kept]
    assert not folder.exists()


def test_left_over_folders_are_those_nobody_can_be_writing(tmp_path: Path) -> None:
    left = make(tmp_path, 0, whole=False)
    make(tmp_path, 3, whole=False)
    make(tmp_path, 0, "beef")
    assert [b.folder for b in find_left_over(tmp_path, AT + timedelta(days=3, hours=1))] == [left]
