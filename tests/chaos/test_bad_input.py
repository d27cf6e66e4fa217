"""Whatever is wrong with spec, address, role, server or backup: one message that helps, and nothing is lost."""

from __future__ import annotations

import importlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest
from psycopg import sql

from pipelines.database.embedded import EmbeddedServer
from pipelines.database.locks import hold_fold_lock
from pipelines.settings import Settings
from tests.databases import Database
from tests.dump import dump
from tests.fix_command import PASSWORD, Counter, Ended, with_password
from tests.fix_pooler import Pooler

NOBODY = 65534


def with_url(counter: Counter, url: str) -> Settings:
    return replace(counter.shop.settings, database_url=url)


def as_role(counter: Counter, role: str) -> Settings:
    return with_url(counter, (counter.shop.settings.database_url or "").replace("//postgres:", f"//{role}:"))


def one_message(ended: Ended, status: int, *parts: str) -> None:
    """The status, and every part in one short message on standard error."""
    assert ended.status == status, ended.said
    assert [part for part in parts if part not in ended.errors] == [], ended.said
    assert ended.errors.count("\n") <= 12


class TestSpecs:
    """What is wrong with the file itself, before any database is looked at."""

    @pytest.mark.parametrize(
        ("text", "line", "said"),
        [
            ("type: pipelines.Consolidation\nattributes:\n  target: [a\n", 4, "not YAML"),
            ("", 1, "the file is empty"),
            ("type: pipelines.Consolidation\nattributes:\n  target: a\n  sorces: []\n", 4, "sorces"),
            ("type: x\0y\n", 1, "\\x00"),
            ("- a\n- b\n", 1, "no mapping"),
        ],
    )
    def test_a_wrong_spec_is_told_by_file_and_line(self, counter: Counter, text: str, line: int, said: str) -> None:
        counter.shop.spec_file.write_text(text)
        for name in ("plan", "run", "rollback"):
            with counter.untouched():
                ended = counter.command(name, "orders")
            one_message(ended, 2, f"orders/defs.yaml:{line}", said)
            assert ended.errors.count(f"defs.yaml:{line} ") == 1

    def test_a_file_that_is_no_text_is_named(self, counter: Counter) -> None:
        counter.shop.spec_file.write_bytes(bytes(range(256)) * 9)
        one_message(counter.command("plan", "orders"), 2, "orders/defs.yaml is no text in UTF-8")

    @pytest.mark.parametrize("argument", ["no/such/defs.yaml", ".dagster", "", "x" * 5000, "a\0b", "\x1b[31m"])
    def test_a_spec_that_is_not_there_is_named_with_those_that_are(self, counter: Counter, argument: str) -> None:
        ended = counter.command("plan", argument)
        one_message(ended, 2, "there is no spec", "give the path of a defs.yaml", "issues")
        assert "\x1b" not in ended.errors

    @pytest.mark.parametrize("name", ["My Shop", "50% {x}", "ünïcödé", "a.b", "x" * 40, "-rf", "a\nb", "$(touch x)"])
    def test_a_name_that_the_database_could_not_bear_is_refused(self, counter: Counter, name: str) -> None:
        (counter.folder / "orders").rename(counter.folder / name)
        with counter.untouched():
            one_message(counter.command("plan", f"./{name}"), 2, "is no name for a consolidation")

    def test_a_spec_that_nobody_may_read_is_named(self, open_counter: Counter) -> None:
        open_counter.shop.spec_file.chmod(0)
        with unprivileged():
            ended = open_counter.command("plan", "orders")
        one_message(ended, 2, "orders/defs.yaml cannot be read: Permission denied")


class TestAddresses:
    """Where the database is, or is not."""

    @pytest.mark.parametrize(
        ("url", "status", "said"),
        [
            (f"mysql://ada:{PASSWORD}@db/shop", 2, "is not a PostgreSQL URL: write postgresql://user:password@host"),
            (f"host=db password={PASSWORD}", 2, "is not a PostgreSQL URL"),
            (f"postgresql://ada:{PASSWORD}@127.0.0.1:1/shop", 1, "cannot reach database shop on 127.0.0.1:1"),
            (f"postgresql://ada:{PASSWORD}@db.invalid/shop", 1, "cannot reach database shop on db.invalid"),
            (f"postgresql://ada@127.0.0.1:1/shop?password={PASSWORD}", 1, "cannot reach database shop"),
            (f"postgresql://ada:x@{PASSWORD}@127.0.0.1:1/shop", 2, "@ is %40"),
            (f"postgresql://ada:1/{PASSWORD}@127.0.0.1/shop", 2, "/ is %2F"),
            (f"postgresql://ada:{PASSWORD}/shop", 2, "its port is not a number"),
            (f"postgresql://ada:{PASSWORD}%zz@127.0.0.1/shop", 2, "cannot be read"),
            (f"postgresql://ada:{PASSWORD}@127.0.0.1/shop?nosuch=1", 2, "nosuch"),
        ],
    )
    def test_a_wrong_url_is_told_without_its_password(self, counter: Counter, url: str, status: int, said: str) -> None:
        for command in ("plan", "run", "status"):
            arguments = (command,) if command == "status" else (command, "orders")
            one_message(counter.command(*arguments, settings=with_url(counter, url)), status, said)
        doctor = counter.command("doctor", settings=with_url(counter, url))
        assert (doctor.status, said in doctor.said) == (1 if status == 1 else doctor.status, True)
        assert counter.leaks() == []

    def test_a_wrong_database_or_role_is_named(self, counter: Counter) -> None:
        known = counter.shop.settings.database_url or ""
        elsewhere = with_url(counter, known.replace(f"/{counter.database.name}?", "/nosuch?"))
        one_message(counter.command("plan", "orders", settings=elsewhere), 2, '"nosuch"', "DATABASE_URL")
        one_message(
            counter.command("plan", "orders", settings=as_role(counter, "nosuch")), 2, '"nosuch"', "DATABASE_URL"
        )

    def test_a_wrong_password_is_told(self, counter: Counter, server: EmbeddedServer) -> None:
        with asked_for_a_password(server, counter.database, "guarded"):
            ended = counter.command("run", "orders", settings=as_role(counter, "guarded"))
        one_message(ended, 2, "password authentication failed", "correct --database-url or DATABASE_URL")

    def test_the_embedded_database_is_named_where_no_url_was_given(self, counter: Counter, server_folder: Path) -> None:
        settings = replace(counter.shop.settings, database_url=None, folder=server_folder)
        ended = counter.command("plan", "orders", "--json", settings=settings)
        assert ended.status == 3
        refused = counter.command("run", "orders", settings=settings)
        one_message(
            refused, 3, "table public.orders does not exist", "the embedded database", "DATABASE_URL is not set"
        )

    def test_a_pooler_is_refused_and_the_port_to_use_named(
        self, counter: Counter, new_pooler: Callable[[bool], Pooler]
    ) -> None:
        pooler = with_password(new_pooler(True).url)
        for command in ("run", "rollback", "drop"):
            with counter.untouched():
                ended = counter.command(command, "orders", settings=with_url(counter, pooler))
            assert ended.status == 3, ended.said
        one_message(counter.command("run", "orders", settings=with_url(counter, pooler)), 3, "transaction pooler")

    @pytest.mark.parametrize("name", ['my "own" 50% shop', "ünï'cödé"])
    def test_a_database_may_have_any_name(self, counter: Counter, server: EmbeddedServer, name: str) -> None:
        with administrator(server) as connection:
            wanted, template = sql.Identifier(name), sql.Identifier(counter.database.name)
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(wanted, template))
        try:
            settings = with_url(counter, with_password(server.database_url(name)))
            assert counter.command("run", "orders", settings=settings).status == 0
            assert counter.command("rollback", "orders", settings=settings).status == 0
        finally:
            with administrator(server) as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class TestRoles:
    """What the role may not do is named as the GRANT that lets it."""

    @pytest.mark.parametrize("command", ["plan", "run"])
    def test_a_role_that_owns_nothing_is_told_each_grant(
        self, counter: Counter, roles: Callable[..., str], command: str
    ) -> None:
        keeper = roles("keeper", "ALTER TABLE orders OWNER TO {role}; ALTER TABLE web_orders OWNER TO {role}")
        stranger = roles("stranger")
        with counter.untouched():
            ended = counter.command(command, "orders", settings=as_role(counter, stranger))
        assert ended.status == 3
        for grant in ("CREATE ON DATABASE", "SET ON PARAMETER session_replication_role", f"{keeper} TO {stranger}"):
            assert f"GRANT {grant}" in ended.said

    @pytest.mark.parametrize(
        "arguments", [("backup", "orders"), ("rollback", "orders"), ("drop", "orders"), ("status",)]
    )
    def test_a_role_that_owns_nothing_breaks_nothing(
        self, counter: Counter, roles: Callable[..., str], arguments: tuple[str, ...]
    ) -> None:
        with counter.untouched():
            ended = counter.command(*arguments, settings=as_role(counter, roles("stranger")))
        assert ended.status in ((0,) if arguments == ("status",) else (1, 3))
        assert not list(counter.folder.glob("backups/*/*/manifest.json"))

    def test_an_owner_who_may_not_set_the_replica_role_is_told_that_grant_alone(
        self, counter: Counter, roles: Callable[..., str]
    ) -> None:
        role = roles(
            "owner",
            "ALTER TABLE orders OWNER TO {role}; ALTER TABLE web_orders OWNER TO {role};"
            "GRANT CREATE ON DATABASE {database} TO {role}; GRANT CREATE ON SCHEMA public TO {role}",
        )
        with counter.untouched():
            ended = counter.command("run", "orders", settings=as_role(counter, role))
        one_message(ended, 3, "1 finding", f'GRANT SET ON PARAMETER session_replication_role TO "{role}"')
        with administrator_of(counter.database) as connection:
            statement = sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {}")
            connection.execute(statement.format(sql.Identifier(role)))
        before = dump(counter.database)
        for arguments in (("run", "orders"), ("approve", "orders", "drop"), ("drop", "orders"), ("rollback", "orders")):
            ended = counter.command(*arguments, settings=as_role(counter, role))
            assert ended.status == 0, ended.said
        assert dump(counter.database) == before

    def test_a_folder_that_may_not_be_written_to_is_named(self, open_counter: Counter, server: EmbeddedServer) -> None:
        counter = open_counter
        closed = counter.folder / "closed"
        closed.mkdir(mode=0o555)
        settings = replace(counter.shop.settings, folder=closed)
        with counter.untouched(), unprivileged(server.folder):
            for arguments in (("run", "orders"), ("backup", "orders")):
                one_message(counter.command(*arguments, settings=settings), 1, str(closed), "Permission denied")
            doctor = counter.command("doctor", settings=settings)
        assert (doctor.status, f"{closed} may not be written to" in doctor.output) == (1, True)

    def test_an_embedded_database_of_another_account_is_named(self, open_counter: Counter) -> None:
        folder = open_counter.folder / "theirs"
        theirs = folder / ".pgfold" / "postgres"
        theirs.mkdir(parents=True)
        theirs.chmod(0o700 if os.geteuid() == 0 else 0)
        settings = replace(open_counter.shop.settings, database_url=None, folder=folder)
        with unprivileged():
            ended = open_counter.command("status", settings=settings)
        theirs.chmod(0o700)
        one_message(ended, 3, "cannot hold the embedded database", "choose a folder that you own")


class TestServers:
    """A server that does not go along."""

    def test_a_second_run_at_the_same_time_is_refused(self, counter: Counter) -> None:
        with closing(counter.database.connect_as_pgfold()) as other:
            hold_fold_lock(other, "orders")
            for command in ("run", "rollback", "forget"):
                before = dump(counter.database)
                ended = counter.command(command, "orders")
                assert ended.status in (1, 3), ended.said
                assert dump(counter.database) == before
            one_message(counter.command("run", "orders"), 1, "orders")
        assert counter.command("run", "orders").status == 0

    def test_a_host_that_limits_statements_does_not_limit_ours(self, counter: Counter) -> None:
        name = sql.Identifier(counter.database.name)
        with administrator_of(counter.database) as connection:
            for setting in ("statement_timeout", "lock_timeout"):
                connection.execute(sql.SQL("ALTER DATABASE {} SET {} = '250ms'").format(name, sql.Identifier(setting)))
        with locked_until_waited_for(counter.database):
            assert counter.command("run", "orders").status == 0
        assert counter.command("rollback", "orders").status == 0

    @pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
    def test_a_host_that_kills_what_we_do_is_told_and_a_rerun_goes_on(self, counter: Counter, how: str) -> None:
        before = dump(counter.database)
        with killing(counter.database, how):
            ended = counter.command("run", "orders")
        assert ended.status == 1, ended.said
        assert "run it again" in ended.errors
        assert counter.database.value("SELECT count(*) FROM web_orders") == 3
        assert counter.command("run", "orders").status == 0
        assert counter.command("rollback", "orders").status == 0
        assert dump(counter.database) == before

    def test_a_table_of_another_program_is_not_taken_for_ours(self, counter: Counter) -> None:
        counter.database.run("CREATE TABLE schema_migrations (version text PRIMARY KEY)")
        for arguments in (("run", "orders"), ("status",), ("rollback", "orders")):
            with counter.untouched():
                ended = counter.command(*arguments)
            assert ended.status == 3
        one_message(counter.command("run", "orders"), 3, "schema_migrations", "TRACKING_SCHEMA", "was not touched")

    def test_a_tracking_schema_that_is_not_there_is_named(self, counter: Counter) -> None:
        settings = replace(counter.shop.settings, tracking_schema="audit")
        with counter.untouched():
            ended = counter.command("run", "orders", settings=settings)
        one_message(ended, 3, "TRACKING_SCHEMA names the schema 'audit'", 'CREATE SCHEMA "audit"')

    @pytest.mark.parametrize(
        "arguments",
        [("run", "orders"), ("status",), ("rollback", "orders"), ("drop", "orders"), ("approve", "orders", "drop"),
         ("forget", "orders"), ("plan", "orders"), ("verify", "orders")],
    )  # fmt: skip
    def test_a_ledger_of_a_newer_program_is_left_alone(self, counter: Counter, arguments: tuple[str, ...]) -> None:
        counter.fold()
        counter.database.run("""
            UPDATE pgfold.alembic_version SET version_num = '9999';
            ALTER TABLE pgfold.folds RENAME COLUMN standing TO stands;
        """)
        with counter.untouched():
            ended = counter.command(*arguments)
        one_message(ended, 3, "schema pgfold", "newer pgfold")
        assert counter.command("doctor").status == 1


class TestBackups:
    """A backup that cannot be written, or does not give back what it says."""

    def test_a_disk_that_is_full_is_told_and_nothing_is_lost(self, counter: Counter) -> None:
        counter.database.run("INSERT INTO web_orders SELECT n, md5(n::text) FROM generate_series(100, 5099) n")
        before = dump(counter.database)
        with small_disk(counter.folder / "backups"):
            one_message(counter.command("backup", "orders"), 1, "No space left on device", "make room")
            one_message(counter.command("run", "orders"), 1, "No space left on device", "make room")
            assert counter.done("backups").startswith("No backups in")
            assert dump(counter.database) == before
        assert counter.command("run", "orders").status == 0

    @pytest.mark.parametrize("damage", ["byte", "shorter", "gone", "no manifest", "altered manifest"])
    def test_a_damaged_backup_gives_back_nothing_wrong(self, counter: Counter, damage: str) -> None:
        counter.fold()
        counter.done("approve", "orders", "drop")
        (sealed,) = counter.folder.glob("backups/orders/*-sealed")
        hurt = sealed / ("manifest.json" if "manifest" in damage else "data/pgfold_orders_public.web_orders.jsonl.zst")
        whole = hurt.read_bytes()
        hurt_file(hurt, damage)
        before = dump(counter.database)
        archived = "SELECT order_no, label FROM pgfold_orders_public.web_orders ORDER BY 1"
        rows = counter.database.rows(archived)
        one_message(counter.command("drop", "orders"), 1, str(sealed))
        one_message(counter.command("restore", str(sealed), "--into", "elsewhere"), 1, str(sealed))
        assert counter.database.rows(archived) == rows
        assert dump(counter.database) == before
        hurt.write_bytes(whole)

        counter.done("drop", "orders")
        hurt_file(hurt, damage)
        dropped = dump(counter.database)
        for arguments in (("rollback", "orders", "--plan"), ("rollback", "orders")):
            one_message(counter.command(*arguments), 1, str(sealed))
        assert dump(counter.database) == dropped
        hurt.write_bytes(whole)
        counter.done("rollback", "orders")
        assert counter.database.value("SELECT count(*) FROM web_orders") == 3

    def test_a_damaged_backup_does_not_hide_the_others(self, counter: Counter) -> None:
        for _ in range(2):
            counter.done("backup", "orders")
        first = min(counter.folder.glob("backups/orders/*/manifest.json"))
        first.write_text("{}")
        listed = counter.done("backups")
        assert (listed.count("damaged: "), listed.count("4 rows in 2 tables")) == (1, 1)

    def test_a_restore_over_tables_that_are_there_is_refused(self, counter: Counter) -> None:
        counter.done("backup", "orders")
        (folder,) = counter.folder.glob("backups/orders/*")
        with counter.untouched():
            one_message(counter.command("restore", str(folder)), 1, "orders", "already exists", "--into")

    def test_a_folder_that_is_none_is_named(self, counter: Counter) -> None:
        one_message(counter.command("restore", "no/such"), 2, "there is no folder 'no/such'", "pgfold backups")
        one_message(counter.command("restore", "orders"), 1, "orders is not a backup: it has no manifest.json")


def test_what_nobody_foresaw_is_one_line_and_a_log(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError(f"postgresql://ada:{PASSWORD}@db/shop")

    monkeypatch.setattr("pipelines.steps.workflow.plan", fail)
    ended = counter.command("plan", "orders")
    one_message(ended, 1, "pgfold plan met an error it does not know: KeyError", "errors.log")
    log = (counter.folder / ".pgfold" / "errors.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert counter.leaks() == []


@pytest.fixture
def open_counter(counter: Counter, server_folder: Path) -> Counter:
    """The same shop in a folder that every account may enter, which pytest's own are not."""
    server_folder.chmod(0o755)
    shop = replace(counter.shop, folder=server_folder)
    shop.write_spec()
    return Counter(shop)


@pytest.fixture
def roles(counter: Counter) -> Iterator[Callable[..., str]]:
    """`roles(name, statements)` makes a role that may log in; roles outlive databases, so it goes with the test."""
    made: list[sql.Identifier] = []

    def make(name: str, statements: str = "") -> str:
        role = f"{name}_{counter.database.name}"
        made.append(sql.Identifier(role))
        with administrator_of(counter.database) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(made[-1]))
            if statements:
                connection.execute(statements.format(role=role, database=counter.database.name).encode())
        return role

    yield make
    with administrator_of(counter.database) as connection:
        for role in made:
            connection.execute(sql.SQL("REASSIGN OWNED BY {0} TO postgres; DROP OWNED BY {0}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def administrator(server: EmbeddedServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection


@contextmanager
def administrator_of(database: Database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.url, autocommit=True) as connection:
        yield connection


@contextmanager
def asked_for_a_password(server: EmbeddedServer, database: Database, role: str) -> Iterator[None]:
    """A role of which the server wants a password, another than the URL's."""
    file = server.folder / "data" / "pg_hba.conf"
    before = file.read_text()
    named = sql.Identifier(role)
    with administrator_of(database) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'another'").format(named))
        file.write_text(f"local all {role} scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            file.write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("DROP ROLE {}").format(named))


@contextmanager
def unprivileged(socket: Path | None = None) -> Iterator[None]:
    """As an account that owns nothing, where we are root; for others a folder's mode is enough.

    `socket` is the folder of a server that the account may speak to meanwhile.
    """
    for name in ("pipelines.commands.failure", "pipelines.commands.backup", "pipelines.commands.doctor",
                 "pipelines.commands.plan", "pipelines.commands.run", "pipelines.commands.status",
                 "pipelines.orchestration.launching", "pipelines.orchestration.fold_run",
                 "pipelines.database.embedded"):  # fmt: skip
        importlib.import_module(name)  # Python itself may be root's alone
    if os.geteuid() != 0:
        yield
        return
    opened = [socket, *socket.glob(".s.PGSQL.*[0-9]")] if socket else []
    modes = {path: path.stat().st_mode for path in opened}
    for path in opened:
        path.chmod(0o777)
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        for path, mode in modes.items():
            path.chmod(mode)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system with hardly any room, mounted at the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"only root may mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def hurt_file(file: Path, damage: str) -> None:
    content = file.read_bytes()
    match damage:
        case "byte":
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        case "shorter":
            file.write_bytes(content[:-3])
        case "altered manifest":
            file.write_bytes(content.replace(b"web_orders", b"web_0rders"))
        case _:
            file.unlink()


@contextmanager
def locked_until_waited_for(database: Database) -> Iterator[None]:
    """An application holds a source until a statement of ours has waited for longer than the host allows."""
    locked, over = Event(), Event()
    holder = Thread(target=_hold, args=(database, locked, over))
    holder.start()
    locked.wait()
    try:
        yield
    finally:
        over.set()
        holder.join()


def _hold(database: Database, locked: Event, over: Event) -> None:
    waited = (
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgfold%'"
        " AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '400 ms'"
    )
    with administrator_of(database) as holder, administrator_of(database) as watcher, holder.transaction():
        holder.execute("LOCK TABLE web_orders IN ACCESS EXCLUSIVE MODE")
        locked.set()
        while not over.wait(0.02) and not watcher.execute(waited.encode()).fetchall():
            pass


@contextmanager
def killing(database: Database, how: str) -> Iterator[None]:
    """A reader keeps the cut-over waiting for its lock, and somebody ends what waits there."""
    over = Event()
    watcher = Thread(target=_kill, args=(database, how, over))
    with administrator_of(database) as reader, reader.transaction(), reader.cursor() as cursor:
        cursor.execute("LOCK TABLE web_orders IN ACCESS SHARE MODE")
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


def _kill(database: Database, how: str, over: Event) -> None:
    found = sql.SQL(
        "SELECT {}(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND application_name LIKE '%cut_over'"
    ).format(sql.Identifier(how))
    with administrator_of(database) as connection:
        while not over.wait(0.01):
            if connection.execute(found).fetchall():
                return
