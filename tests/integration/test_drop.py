"""What a drop makes sure of before the archived tables go: that a rollback after it has all it needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

import pytest

from tests.fix_command import Counter


@pytest.fixture
def folded(new_counter: Callable[..., Counter]) -> Counter:
    """A fold in force that somebody said may be dropped."""
    counter = new_counter()
    counter.database.run("""
        CREATE FUNCTION public.shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER shout BEFORE UPDATE ON public.web_orders FOR EACH ROW EXECUTE FUNCTION public.shout()""")
    counter.fold()
    counter.done("approve", "orders", "drop")
    return counter


def sealed_of(counter: Counter) -> Path:
    (sealed,) = counter.folder.glob("backups/orders/*-sealed")
    return sealed


@pytest.mark.parametrize("name", ["schema.sql", "restore.sql"])
@pytest.mark.parametrize("damage", ["altered", "gone"])
def test_a_damaged_file_of_the_sealed_backup_stops_the_drop(folded: Counter, name: str, damage: str) -> None:
    hurt = sealed_of(folded) / name
    whole = hurt.read_text()
    if damage == "gone":
        hurt.unlink()
    else:
        hurt.write_text(whole + "\n-- a remark\n")
    assert folded.command("drop", "orders").status == 1
    assert folded.database.value("SELECT count(*) FROM pgfold_orders_public.web_orders") == 3
    hurt.write_text(whole)
    folded.done("drop", "orders")
    folded.done("rollback", "orders")
    assert folded.database.value("SELECT count(*) FROM web_orders") == 3


def test_a_schema_that_cannot_be_made_any_more_stops_the_drop(folded: Counter) -> None:
    """Another function has the name of the trigger's."""
    folded.database.run("""
        ALTER FUNCTION public.shout() RENAME TO whisper;
        CREATE FUNCTION public.shout() RETURNS integer LANGUAGE sql AS 'SELECT 1'""")
    ended = folded.command("drop", "orders")
    assert ended.status == 1, ended.said
    assert "shout" in ended.errors
    assert str(sealed_of(folded)) in ended.errors
    assert folded.database.value("SELECT count(*) FROM pgfold_orders_public.web_orders") == 3
    folded.database.run("DROP FUNCTION public.shout; ALTER FUNCTION public.whisper() RENAME TO shout")
    folded.done("drop", "orders")


def test_rollback_sql_is_as_it_must_be_after_a_drop(folded: Counter) -> None:
    script = sealed_of(folded).with_name(sealed_of(folded).name.removesuffix("-sealed")) / "rollback.sql"
    whole = script.read_text()
    script.write_text("-- nothing\n")
    folded.done("drop", "orders")
    assert script.read_text() == whole


def test_a_damaged_sealed_backup_after_the_drop_is_told_with_which_others_exist(folded: Counter) -> None:
    folded.done("drop", "orders")
    hurt = sealed_of(folded) / "schema.sql"
    whole = hurt.read_text()
    hurt.write_text("-- nothing\n")
    ended = folded.command("rollback", "orders")
    assert (ended.status, "use another backup" in ended.errors) == (1, False), ended.said
    assert "put a whole copy of that folder in its place" in ended.errors
    assert "there is 1 other backup of orders: pgfold backups list orders" in ended.errors
    rmtree(sealed_of(folded).with_name(sealed_of(folded).name.removesuffix("-sealed")))
    assert "there is no other backup of orders" in folded.command("rollback", "orders", "--plan").errors
    hurt.write_text(whole)
    folded.done("rollback", "orders")
