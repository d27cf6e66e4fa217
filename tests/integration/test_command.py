"""The command as a person uses it: what it says, what it gives back, and that it says the truth."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pipelines.commands.parser import build_parser
from pipelines.commands.process_title import split_database_url
from tests.fix_command import PASSWORD, Counter

ROOT = Path(__file__).parents[2]
HEAVY = {"dagster", "psycopg", "sqlalchemy", "alembic", "pydantic", "rich", "pandas", "yaml", "zstandard"}
COMMANDS = ("demo", "up", "plan", "run", "approve", "verify", "rollback", "drop", "forget", "backup", "restore",
            "backups", "status", "doctor")  # fmt: skip


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([command, "--help"] if command else ["--help"])
    assert ended.value.code == 0
    assert f"usage: pgfold {command}".rstrip() in capsys.readouterr().out


def test_help_comes_at_once_and_loads_nothing_heavy() -> None:
    program = """
import sys, pipelines.cli
try: pipelines.cli.main(["--help"])
finally: print(*sys.modules, file=sys.stderr)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(ended.stderr.split()) & HEAVY == set()
    assert "exit status: 0 done" in ended.stdout
    assert min(cpu_seconds("--help") for _ in range(3)) < 0.3


def cpu_seconds(*arguments: str) -> float:
    """What the command itself takes: a busy machine makes everything late."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "pipelines.cli", *arguments], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_whole_way_says_where_it_is_and_what_comes_next(counter: Counter) -> None:
    planned = counter.done("plan", "orders")
    assert "orders: public.web_orders (3) -> public.orders (1)     plan " in planned
    assert planned.endswith("Nothing was changed. Next: pgfold run orders\n")
    assert counter.done("status").startswith("No folds yet. Next: pgfold plan SPEC\n")

    folded = counter.done("run", "orders")
    steps = [line[2:13].strip() for line in folded.splitlines() if line.startswith("  ") and line[2] != " "]
    assert steps == ["plan", "export", "add columns", "map fields", "verify", "cut over", "sealed"]
    assert "Folded: 4 rows in public.orders. 0 columns lossy. Can be undone: yes.\n" in folded
    assert counter.command("drop", "orders").status == 4
    assert "orders: folded since " in counter.done("status")

    assert counter.done("approve", "orders", "drop").startswith("approved: drop of orders, plan ")
    assert "3 rows of the sealed backup restored equal; dropped 1 archived table" in counter.done("drop", "orders")
    assert counter.done("rollback", "orders", "--plan").startswith("Can be undone: yes (nothing was changed)\n")
    assert "3 rows home" in counter.done("rollback", "orders")
    assert counter.done("status").startswith("orders: rolled back\n")
    assert counter.database.value("SELECT count(*) FROM web_orders") == 3
    assert counter.leaks() == []


def test_a_plan_changes_nothing(counter: Counter) -> None:
    with counter.untouched():
        for options in ((), ("--quick",), ("--sql",), ("--json",)):
            assert counter.command("plan", "orders", *options).status == 0
        counter.done("status")
        counter.done("verify", "orders")
        assert counter.command("doctor").status == 0
    assert {path.name for path in counter.folder.iterdir()} == {".dagster", "orders"}


def test_programs_can_read_what_they_are_told(counter: Counter) -> None:
    plan = json.loads(counter.done("plan", "orders", "--json"))
    assert (plan["name"], plan["refused"], plan["rows"]) == ("orders", False, 3)
    assert json.loads(counter.done("status", "--json")) == {"folds": [], "waiting": [], "backups": []}
    counter.fold()
    status = json.loads(counter.done("status", "--json"))
    assert [(fold["name"], fold["standing"]) for fold in status["folds"]] == [("orders", "folded")]
    assert {backup["sealed"] for backup in status["backups"]} == {True, False}
    counter.database.run("DROP TABLE orders CASCADE")
    refused = counter.command("plan", "orders", "--json")
    assert (refused.status, json.loads(refused.output)["refused"], refused.errors) == (3, True, "")


def test_checks_are_written_for_ci(counter: Counter) -> None:
    file = counter.folder / "checks.xml"
    counter.done("verify", "orders", "--junit", str(file))
    suite = ElementTree.parse(file).getroot()
    assert (suite.get("failures"), suite.get("tests")) == ("0", str(len(suite)))
    counter.database.run("INSERT INTO web_orders VALUES (1, 'its key is taken')")
    ended = counter.command("verify", "orders", "--junit", str(file))
    assert ended.status == 1
    suite = ElementTree.parse(file).getroot()
    failed = [case for case in suite if case.find("failure") is not None]
    assert [suite.get("failures"), len(failed)] == ["1", 1]
    assert "(1)" in (failed[0].findtext("failure") or "")


def test_checks_that_cannot_be_written_say_so(counter: Counter) -> None:
    ended = counter.command("verify", "orders", "--junit", "no/such/folder/checks.xml")
    assert ended.status == 2
    assert ended.errors == (
        "--junit no/such/folder/checks.xml cannot be written: No such file or directory: name a file that may be\n"
    )


def test_each_way_to_undo_does_what_its_name_says(counter: Counter) -> None:
    counter.fold()
    counter.database.run("UPDATE orders SET title = 'a better lamp' WHERE id = 11")
    exact = counter.done("rollback", "orders", "--to", "backup")
    assert "1 later edit saved beside the backup" in exact
    assert counter.database.rows("SELECT label FROM web_orders WHERE order_no = 11") == [("a lamp",)]
    assert any("lamp" in path.read_text() for path in counter.folder.rglob("*") if path.suffix in (".jsonl", ".json"))


def test_what_cannot_go_home_blocks_until_it_is_set_aside(counter: Counter) -> None:
    counter.fold()
    counter.database.run("""
        CREATE TABLE parcels (id int PRIMARY KEY, order_no bigint REFERENCES orders);
        INSERT INTO parcels VALUES (1, 11);
    """)
    with counter.untouched():
        blocked = counter.command("rollback", "orders", "--plan")
        assert (blocked.status, blocked.errors) == (3, "")
        assert blocked.output.startswith("Can be undone: no, ")
        assert "parcels" in blocked.output
    refused = counter.command("rollback", "orders")
    assert (refused.status, refused.output, refused.errors) == (3, "", blocked.output)
    counter.done("rollback", "orders", "--set-aside")
    assert counter.database.value("SELECT count(*) FROM web_orders") == 3


def test_deletes_of_many_rows_must_be_meant(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter()
    counter.database.run("INSERT INTO web_orders SELECT n, 'one of many' FROM generate_series(100, 199) n")
    counter.fold()
    counter.database.run("DELETE FROM orders WHERE id >= 150")
    with counter.untouched():
        assert "--accept-deletes" in counter.command("rollback", "orders", "--plan").output
    assert counter.command("rollback", "orders").status == 3
    assert "50 deleted" in counter.done("rollback", "orders", "--accept-deletes")
    assert counter.database.value("SELECT count(*) FROM web_orders") == 53


def test_an_approval_is_asked_for_before_the_step_that_the_spec_names(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter(approval="both")
    waits = counter.command("run", "orders")
    assert waits.status == 4
    assert "cut_over waits for a person's approval of plan" in waits.errors
    assert "Next: pgfold approve orders cut_over, then pgfold run orders" in waits.errors
    assert counter.database.value("SELECT count(*) FROM web_orders") == 3
    assert "waiting     cut_over of orders: pgfold approve orders cut_over" in counter.done("status")
    assert "cut_over of orders waits" in counter.command("doctor").output
    counter.done("approve", "orders", "cut_over")
    assert "Folded: 4 rows" in counter.done("run", "orders")
    waits = counter.command("drop", "orders", "--now")
    assert (waits.status, waits.output) == (4, "")


def test_a_refused_plan_cannot_be_approved(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter(approval="both")
    counter.database.run("INSERT INTO web_orders VALUES (1, 'its key is taken')")
    with counter.untouched():
        ended = counter.command("approve", "orders", "cut_over")
    assert (ended.status, ended.output) == (3, "")
    assert "nothing was approved: the plan has 1 finding; pgfold plan orders" in ended.errors


def test_the_plan_that_is_approved_is_the_one_that_plan_prints(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter(approval="both")
    counter.database.run("ALTER TABLE orders ADD CHECK (title <> '')")
    printed = counter.done("plan", "orders").splitlines()[0].rsplit(" ", 1)[-1]
    assert f"plan {printed}, by " in counter.done("approve", "orders", "cut_over")
    assert "Folded: 4 rows" in counter.done("run", "orders")


def test_backups_are_made_listed_drilled_restored_and_pruned(counter: Counter) -> None:
    assert "No backups in" in counter.done("backups")
    assert "No backups of orders in" in counter.done("backups", "drill", "orders")
    for _ in range(2):
        counter.done("backup", "orders")
    listed = counter.done("backups")
    folders = [line.strip() for line in listed.splitlines() if line.strip().startswith("/")]
    assert len(folders) == 2
    assert listed.count("4 rows in 2 tables") == 2
    assert "4 rows restored, digests equal" in counter.done("backups", "drill")
    counter.database.run("CREATE SCHEMA elsewhere")
    restored = counter.done("restore", folders[0], "--into", "elsewhere")
    assert restored == "Restored: 2 tables, 4 rows, into schema elsewhere; every digest is equal to the manifest's.\n"
    assert counter.database.value("SELECT count(*) FROM elsewhere.web_orders") == 3
    counter.database.run("DROP TABLE web_orders, orders")
    counter.done("restore", folders[0])
    assert counter.shop.titles() == [(1, "a shelf")]
    pruned = counter.done("backups", "prune", "--keep", "1")
    assert pruned.count("  removed ") == 1
    assert [Path(folder).exists() for folder in sorted(folders)] == [False, True]


def test_prune_never_removes_every_backup(counter: Counter) -> None:
    counter.done("backup", "orders")
    for keep in ("0", "-3"):
        ended = counter.command("backups", "prune", "--keep", keep)
        assert (ended.status, ended.errors) == (2, f"--keep {keep} would leave no backup: keep at least 1\n")
    assert "4 rows in 2 tables" in counter.done("backups")


def test_prune_counts_no_damaged_backup_and_removes_none(counter: Counter) -> None:
    for _ in range(3):
        counter.done("backup", "orders")
    old, good, newest = sorted(counter.folder.glob("backups/orders/*"))
    (newest / "manifest.json").write_text("{bro")
    pruned = counter.done("backups", "prune", "orders", "--keep", "1")
    assert (old.exists(), good.exists(), newest.exists()) == (False, True, True)
    assert f"damaged, neither counted nor removed: {newest}" in pruned


def test_prune_of_a_name_without_backups_says_so(counter: Counter) -> None:
    counter.done("backup", "orders")
    ended = counter.command("backups", "prune", "nope")
    assert (ended.status, ended.output) == (2, "")
    assert "there are no backups of nope in" in ended.errors


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_database_url_is_no_embedded_database(counter: Counter, empty: str) -> None:
    for arguments in (("--database-url", empty), (f"--database-url={empty}",)):
        ended = counter.command("status", *arguments)
        assert (ended.status, ended.output) == (2, "")
        assert "--database-url is empty" in ended.errors
        assert counter.shop.command("status", *arguments).returncode == 2
    assert not (counter.folder / ".pgfold" / "postgres").exists()


def test_a_backup_of_all_takes_those_whose_tables_are_there(counter: Counter) -> None:
    ended = counter.command("backup")
    assert ended.status == 3
    assert "name the defs.yaml of yours, pgfold backup SPEC" in ended.errors
    named = counter.folder / "pipelines" / "defs"
    named.mkdir(parents=True)
    (counter.folder / "orders").rename(named / "orders")
    (named / "other").mkdir()
    text = (named / "orders" / "defs.yaml").read_text()
    (named / "other" / "defs.yaml").write_text(text.replace("orders", "others"))
    assert counter.done("backup").count("\n") <= 2
    assert "orders" in counter.done("backups")


def test_a_fold_in_force_is_neither_planned_nor_run_again(counter: Counter) -> None:
    counter.fold()
    for name in ("plan", "run"):
        with counter.untouched():
            ended = counter.command(name, "orders")
        assert ended.status == 3
        assert "orders is folded since" in ended.errors
        assert "pgfold rollback orders" in ended.errors


def test_forget_says_what_can_no_longer_be_undone(counter: Counter) -> None:
    counter.fold()
    assert counter.command("forget", "orders").status == 3
    counter.done("approve", "orders", "drop")
    counter.done("drop", "orders")
    assert "orders can no longer be undone by pgfold rollback" in counter.done("forget", "orders")
    assert counter.command("rollback", "orders").status == 3


@pytest.mark.parametrize("name", ["rollback", "drop", "forget"])
def test_where_nothing_was_folded_nothing_is_made(counter: Counter, name: str) -> None:
    with counter.untouched():
        ended = counter.command(name, "orders")
    assert ended.status == 3
    assert ended.errors.startswith("orders")


def test_doctor_looks_at_everything_and_says_what_to_do(counter: Counter) -> None:
    before = counter.done("doctor")
    assert "schema pgfold is not there yet: the first run makes it" in before
    assert "unknown spec issues  none of its tables is in this database" in before
    counter.fold()
    after = counter.done("doctor")
    assert "schema pgfold is there and up to date" in after
    assert "the newest is whole: " in after


def test_a_url_on_the_command_line_outranks_the_environment(counter: Counter) -> None:
    settings = counter.shop.settings
    ended = counter.command(
        "plan", "orders", "--database-url", settings.database_url or "", DATABASE_URL="postgresql:///x"
    )
    assert ended.status == 0


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["-m", "pipelines.cli", "plan", "x", "--database-url", "u"], ["-m", "pipelines.cli", "plan", "x"]),
        (["pgfold", "plan", "--database-url=u", "x"], ["pgfold", "plan", "x"]),
        (["pgfold", "--database-url", "t", "plan", "--database-url=u"], ["pgfold", "plan"]),
    ],
)
def test_a_url_leaves_the_command_line(arguments: list[str], left: list[str]) -> None:
    assert split_database_url(arguments) == (left, "u")


def test_an_incomplete_option_stays_for_the_parser_to_complain() -> None:
    assert split_database_url(["pgfold", "plan", "x"]) == (["pgfold", "plan", "x"], None)
    assert split_database_url(["pgfold", "--", "--database-url", "u"])[1] is None


def test_no_process_ever_shows_a_password_in_its_title(counter: Counter) -> None:
    url = counter.shop.settings.database_url
    seen: set[str] = set()
    environment = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"} | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "orders", "--database-url", str(url)],
        cwd=counter.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            assert PASSWORD not in line
            seen |= set(titles())
        errors = process.communicate()[1]
    assert (process.returncode, errors) == (0, "")
    assert any("pipelines.cli run orders" in title for title in seen)
    assert [title for title in seen if PASSWORD in title] == []
    assert counter.leaks() == []


def titles() -> list[str]:
    """Of every process that can be seen."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return found
