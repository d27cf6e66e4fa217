"""Killed at the start, in the middle and at the end of every step, a rerun goes on and the result is right."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.chaos.stepping import Place
from tests.databases import Database
from tests.dump import dump
from tests.folding import spec_text

STEPS = ("export", "add_columns", "map_fields", "verify", "cut_over")
_WAIT_S = 60
TABLES = """
CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, owner int);
INSERT INTO things SELECT -g, 'own ' || g, NULL FROM generate_series(1, 20) g;
CREATE TABLE owners (id int PRIMARY KEY);
INSERT INTO owners SELECT generate_series(1, 10);
CREATE TABLE a (id int PRIMARY KEY, name text NOT NULL, owner int REFERENCES owners);
INSERT INTO a SELECT g, 'a' || g, 1 + g % 10 FROM generate_series(1, 500) g;
CREATE TABLE parts (id int PRIMARY KEY, a int NOT NULL REFERENCES a ON DELETE CASCADE);
INSERT INTO parts SELECT g, g FROM generate_series(1, 500) g;
"""
TEXT = spec_text("things", "table: a\nset: {origin: a}", more="batch_rows: 100\nadd_columns: {origin: {type: text}}")


def kill(place: Place, step: str, moment: int) -> str:
    """Take it in a process that is killed at that moment, or had ended before; wait until the server noticed."""
    command = [sys.executable, "-m", "tests.chaos.stepping", place.database.url, str(place.folder), str(place.spec)]
    process = subprocess.Popen([*command, step, str(moment)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline().strip()
    process.kill()
    process.communicate(timeout=_WAIT_S)
    end = time.monotonic() + _WAIT_S
    while place.database.value(SESSIONS):
        assert time.monotonic() < end, "the server keeps a killed process's session"
        time.sleep(0.01)
    return said


SESSIONS = """
SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgfold%' AND datname = current_database()
"""
# The last moment that a step may be killed at comes after all that it does.
OVER = "SELECT bool_and(status = 'completed') FROM pgfold.runs"
UNDONE = """
SELECT to_regclass('public.a') IS NOT NULL AND bool_and(status IN ('completed', 'rolled_back')) FROM pgfold.runs
"""


def test_a_killed_step_goes_on_and_what_was_folded_can_be_unfolded(
    new_database: Callable[..., Database], tmp_path: Path
) -> None:
    measured = Place(new_database(TABLES), tmp_path / "measured", TEXT)
    killed = Place(new_database(TABLES), tmp_path / "killed", TEXT)
    before = dump(killed.database)
    for place in (measured, killed):
        place.folder.mkdir()
        place.plan()
    for step in STEPS:
        calls = measured.take(step)
        parts = (0, 0.3, 0.5, 0.7, 1) if step == "cut_over" else (0, 0.5, 1)
        said = [kill(killed, step, max(1, round(calls * part))) for part in parts]
        assert "stopped" in said, step
        if not killed.database.value(OVER):
            killed.take(step)
    assert dump(killed.database) == dump(measured.database)
    assert killed.database.value("SELECT count(*) FROM things WHERE origin = 'a'") == 500
    calls = measured.take("rollback")
    assert "stopped" in [kill(killed, "rollback", max(1, round(calls * part))) for part in (0, 0.5, 1)]
    if not killed.database.value(UNDONE):
        killed.take("rollback")
    assert dump(killed.database) == dump(measured.database) == before


def test_a_fold_that_was_killed_half_way_can_be_undone(new_database: Callable[..., Database], tmp_path: Path) -> None:
    place = Place(new_database(TABLES), tmp_path, TEXT)
    before = dump(place.database)
    place.plan()
    for step in ("export", "add_columns", "map_fields"):
        place.take(step)
    assert kill(place, "verify", 12) == "stopped"
    place.database.run("UPDATE a SET name = 'while it was away' WHERE id = 1; UPDATE a SET name = 'a1' WHERE id = 1")
    place.take("rollback")
    assert dump(place.database) == before
