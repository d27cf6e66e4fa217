"""Two runs keep apart, and a table lock is had in short tries that harm nobody, or not at all."""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pipelines.core.errors import AlreadyRunning, LockNotAvailable
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection, connect
from pipelines.database.embedded import embedded_server
from pipelines.database.lock_holders import Holder, LockMode
from pipelines.database.locks import (
    Patience,
    hold_fold_lock,
    hold_table_locks,
    limited_lock_wait,
    lock_tables,
    release_fold_lock,
    release_table_locks,
    run_ddl,
)
from tests.databases import Database, Templates

A = TableName("public", "a")
B = TableName("public", "Odd table")
EXCLUSIVE = {A: LockMode.ACCESS_EXCLUSIVE, B: LockMode.ACCESS_EXCLUSIVE}
ADD_COLUMN = sql.SQL("ALTER TABLE public.a ADD COLUMN y int")


@dataclass
class Timer:
    """A clock that stands still while statements run, and which waiting moves on."""

    now_s: float = 100.0
    pauses: list[float] = field(default_factory=list)
    meanwhile: Callable[[int], None] = lambda _: None

    def clock(self) -> float:
        return self.now_s

    def wait(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self.now_s += pause_s
        self.meanwhile(len(self.pauses))

    def patience(self, lock_timeout_s: float = 0.01, lock_wait_s: float = 1.0) -> Patience:
        return Patience(lock_timeout_s, lock_wait_s, self.clock, self.wait, lambda: 0.5)


@pytest.fixture
def timer() -> Timer:
    return Timer()


@pytest.fixture
def open_session(database: Database) -> Iterator[Callable[[], Connection]]:
    """Sessions of pgfold's on a database with two tables."""
    database.run('CREATE TABLE a (x int); CREATE TABLE "Odd table" (x int)')
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(database.connect_as_pgfold()))


@pytest.fixture
def one(open_session: Callable[[], Connection]) -> Connection:
    return open_session()


@pytest.fixture
def other(open_session: Callable[[], Connection]) -> Connection:
    return open_session()


def is_free(connection: Connection, table: TableName) -> bool:
    """Whether nobody else has any lock on the table."""
    try:
        with connection.transaction():
            connection.execute(sql.SQL("LOCK TABLE {} NOWAIT").format(table.identifier))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def test_a_fold_is_held_by_one_session_which_is_named(one: Connection, other: Connection) -> None:
    hold_fold_lock(one, "issues")
    hold_fold_lock(other, "files")
    with pytest.raises(AlreadyRunning) as refusal:
        hold_fold_lock(other, "issues")
    assert re.match(
        rf"issues is held by another run of pgfold: process {one.info.backend_pid} \(pgfold, idle,"
        r" connected since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, query since .* UTC\): wait until it is done, or end it",
        str(refusal.value),
    )
    release_fold_lock(one, "issues")
    hold_fold_lock(other, "issues")


def test_a_session_that_ends_lets_its_locks_go(one: Connection, other: Connection) -> None:
    hold_fold_lock(one, "issues")
    hold_table_locks(one, [A, B])
    other.execute("SELECT pg_catalog.pg_terminate_backend(%s, 30000)", [one.info.backend_pid])
    hold_fold_lock(other, "issues")
    hold_table_locks(other, [A, B])


def test_a_lock_outlives_the_transaction_it_was_taken_in(one: Connection, other: Connection) -> None:
    with one.transaction(force_rollback=True):
        hold_fold_lock(one, "issues")
    with pytest.raises(AlreadyRunning):
        hold_fold_lock(other, "issues")


def test_who_holds_a_lock_is_fresh_within_one_transaction(
    one: Connection, other: Connection, open_session: Callable[[], Connection]
) -> None:
    hold_fold_lock(one, "issues")
    with other.transaction():
        with pytest.raises(AlreadyRunning, match=f"process {one.info.backend_pid} "):
            hold_fold_lock(other, "issues")
        release_fold_lock(one, "issues")
        third = open_session()  # after the transaction first looked at pg_stat_activity
        hold_fold_lock(third, "issues")
        with pytest.raises(AlreadyRunning, match=rf"process {third.info.backend_pid} \(pgfold, idle"):
            hold_fold_lock(other, "issues")


def test_tables_are_held_all_or_none(one: Connection, other: Connection) -> None:
    hold_table_locks(one, [A, A])
    with pytest.raises(AlreadyRunning, match=r"table public\.a is held by .* process"):
        hold_table_locks(other, [B, A])
    hold_table_locks(one, [B])  # other had it before it asked for A
    release_table_locks(one, [B, A])
    hold_table_locks(other, [A, B])


def test_a_fold_and_a_table_of_one_name_do_not_exclude_each_other(one: Connection, other: Connection) -> None:
    hold_fold_lock(one, "public\0a")
    hold_table_locks(other, [A])


def test_an_advisory_lock_keeps_no_application_out(one: Connection, other: Connection) -> None:
    hold_table_locks(one, [A])
    assert is_free(other, A)


def test_tables_are_locked_until_the_transaction_ends(one: Connection, other: Connection, timer: Timer) -> None:
    with one.transaction():
        window = lock_tables(one, EXCLUSIVE, [[B, A]], timer.patience())
        assert (window.order, window.tries, window.since) == ((B, A), 1, 100.0)
        assert (is_free(other, A), is_free(other, B)) == (False, False)
    assert (is_free(other, A), is_free(other, B)) == (True, True)
    assert timer.pauses == []


@pytest.mark.parametrize("mode", LockMode)
def test_each_table_is_locked_in_its_mode(one: Connection, other: Connection, timer: Timer, mode: LockMode) -> None:
    with one.transaction():
        lock_tables(one, {A: mode, B: LockMode.SHARE_UPDATE_EXCLUSIVE}, [[A, B]], timer.patience())
        held = other.execute(
            "SELECT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = %s"
            " AND l.locktype = 'relation' AND c.relnamespace = 'public'::regnamespace",
            [one.info.backend_pid],
        ).fetchall()
    as_shown = {A.name: mode.value.title().replace(" ", "") + "Lock", B.name: "ShareUpdateExclusiveLock"}
    assert {str(name): held_mode for name, held_mode in held} == as_shown


def test_each_try_takes_the_next_order_and_keeps_nothing_of_the_last(
    one: Connection, other: Connection, timer: Timer
) -> None:
    free_meanwhile: list[bool] = []

    def meanwhile(tries: int) -> None:
        if tries == 3:
            other.execute("ROLLBACK")
        free_meanwhile.append(is_free_for_writers(one, A))

    timer.meanwhile = meanwhile
    other.execute('BEGIN; SELECT * FROM public."Odd table"')
    with one.transaction():
        one.execute("CREATE TEMPORARY TABLE kept AS SELECT 1 AS x")
        window = lock_tables(one, EXCLUSIVE, [[A, B], [B, A]], timer.patience())
        assert one.execute("SELECT x FROM pg_temp.kept").fetchall() == [(1,)]
    assert (window.tries, window.order) == (4, (B, A))
    assert window.waited_s == pytest.approx(sum(timer.pauses))
    assert free_meanwhile == [True] * 3


def is_free_for_writers(connection: Connection, table: TableName) -> bool:
    """Whether this very session has no lock on the table."""
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = %s::regclass",
        [table.identifier.as_string()],
    ).fetchone()
    return row == (0,)


def test_pauses_grow_and_end_before_patience_does(one: Connection, other: Connection, timer: Timer) -> None:
    other.execute("BEGIN; SELECT * FROM public.a")
    with one.transaction(), pytest.raises(LockNotAvailable, match=r"within 0\.1 s \(4 tries of 10 ms\)"):
        lock_tables(one, EXCLUSIVE, [[A]], timer.patience(lock_wait_s=0.1))
    assert timer.pauses == pytest.approx([0.01, 0.02, 0.03])


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_jitter_moves_a_pause_by_half_of_it(one: Connection, other: Connection, timer: Timer, jitter: float) -> None:
    other.execute("BEGIN; SELECT * FROM public.a")
    patience = replace(timer.patience(lock_wait_s=0.02), jitter=lambda: jitter)
    with one.transaction(), pytest.raises(LockNotAvailable):
        lock_tables(one, EXCLUSIVE, [[A]], patience)
    assert timer.pauses[0] == pytest.approx(0.01 * (0.5 + jitter))


def test_giving_up_names_the_table_and_who_is_in_the_way_and_keeps_the_transaction(
    one: Connection, other: Connection, timer: Timer
) -> None:
    other.execute("SET application_name TO 'night report'; BEGIN; SELECT 'a secret' FROM public.a")
    with one.transaction():
        one.execute("CREATE TABLE public.kept (x int)")
        with pytest.raises(LockNotAvailable) as refusal:
            lock_tables(one, EXCLUSIVE, [[B, A]], timer.patience())
        one.execute("INSERT INTO public.kept VALUES (1)")
    assert one.execute("SELECT x FROM public.kept").fetchall() == [(1,)]
    pid = other.info.backend_pid
    assert re.fullmatch(
        r"no ACCESS EXCLUSIVE lock on public\.a within 1 s \(\d+ tries of 10 ms\); nothing has changed; in the way:"
        rf" process {pid} \(night report, idle in transaction, connected since .* UTC, transaction since .* UTC,"
        rf" query since .* UTC\): let it finish, or end it \(SELECT pg_terminate_backend\({pid}\);\); run again",
        str(refusal.value),
    )


def test_a_holder_of_a_partition_is_named_and_a_harmless_one_is_not(
    one: Connection, other: Connection, open_session: Callable[[], Connection], timer: Timer
) -> None:
    one.execute("CREATE TABLE public.parent (x int) PARTITION BY LIST (x)")
    one.execute("CREATE TABLE public.part PARTITION OF public.parent FOR VALUES IN (1)")
    parent = TableName("public", "parent")
    reader = open_session()
    reader.execute("BEGIN; SELECT * FROM public.part")
    other.execute("BEGIN; INSERT INTO public.part VALUES (1)")
    modes = {parent: LockMode.SHARE_ROW_EXCLUSIVE}
    with one.transaction(), pytest.raises(LockNotAvailable) as refusal:
        lock_tables(one, modes, [[parent]], timer.patience(lock_wait_s=0.01))
    assert f"process {other.info.backend_pid} " in str(refusal.value)
    assert f"process {reader.info.backend_pid} " not in str(refusal.value)


def test_no_try_waits_longer_than_lock_timeout_and_the_longest_wait_is_told(one: Connection, other: Connection) -> None:
    def let_go(_: float) -> None:
        other.execute("ROLLBACK")

    other.execute("BEGIN; SELECT * FROM public.a")
    patience = Patience(0.05, 10, time.monotonic, let_go, lambda: 0.5)
    with one.transaction():
        window = lock_tables(one, EXCLUSIVE, [[B, A]], patience)
        assert one.execute("SHOW lock_timeout").fetchone() == ("50ms",)  # for what the transaction does next
    assert window.tries == 2
    assert 0.045 <= window.longest_wait_s < 1
    assert one.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_what_is_left_of_a_try_is_less_after_each_wait(
    one: Connection, other: Connection, open_session: Callable[[], Connection]
) -> None:
    """The tables that are locked already keep others waiting too, so their waits count together."""
    watcher = open_session()

    def clock() -> float:
        """As if the lock on B, once it is there, had taken nearly all of the five seconds of a try."""
        return 0.0 if is_free(watcher, B) else 4.99

    other.execute("BEGIN; SELECT * FROM public.a")
    begun = time.monotonic()
    with one.transaction(), pytest.raises(LockNotAvailable, match=r"lock on public\.a "):
        lock_tables(one, EXCLUSIVE, [[B, A]], Patience(5, 0, clock, lambda _: None))
    assert time.monotonic() - begun < 3


def test_an_application_that_locks_in_the_other_order_is_not_harmed(one: Connection, other: Connection) -> None:
    locked = "SELECT count(*) = 1 FROM pg_locks WHERE relation = 'public.{}'::regclass AND granted"

    def application() -> None:
        """Has B, and asks for A as soon as we have that and wait for B."""
        with other.transaction():
            other.execute('LOCK TABLE public."Odd table"')
            wait_until(other, locked.format("a"))
            other.execute("LOCK TABLE public.a")

    with ThreadPoolExecutor(1) as pool, one.transaction():
        run = pool.submit(application)
        wait_until(one, locked.format('"Odd table"'))
        patience = Patience(0.9, 20, time.monotonic, lambda _: run.result(timeout=30))
        window = lock_tables(one, EXCLUSIVE, [[A, B]], patience)
    assert window.tries == 2
    # seen within the try, before the second after which the server might have chosen the application
    assert window.longest_wait_s < 0.8


def wait_until(connection: Connection, query: str) -> None:
    """Ask until the answer is true."""
    end = time.monotonic() + 30
    while connection.execute(query.encode()).fetchone() != (True,):
        assert time.monotonic() < end, query
        time.sleep(0.005)


def test_tables_are_locked_inside_a_transaction_only(one: Connection, timer: Timer) -> None:
    with pytest.raises(ValueError, match="open transaction"):
        lock_tables(one, EXCLUSIVE, [[A]], timer.patience())


def test_a_table_that_is_not_there_is_the_servers_error(one: Connection, timer: Timer) -> None:
    gone = TableName("public", "gone")
    with pytest.raises(psycopg.errors.UndefinedTable), one.transaction():
        lock_tables(one, {gone: LockMode.EXCLUSIVE}, [[gone]], timer.patience())
    assert timer.pauses == []


def columns(connection: Connection) -> list[str]:
    query = "SELECT attname FROM pg_attribute WHERE attrelid = 'public.a'::regclass AND attnum > 0"
    return [str(name) for (name,) in connection.execute(query)]


def test_a_statement_is_tried_until_it_gets_its_lock(one: Connection, other: Connection, timer: Timer) -> None:
    def meanwhile(tries: int) -> None:
        assert columns(other) == ["x"]
        if tries == 2:
            other.execute("ROLLBACK")

    timer.meanwhile = meanwhile
    other.execute("BEGIN; SELECT * FROM public.a")
    window = run_ddl(one, ADD_COLUMN, [A], timer.patience())
    assert (window.tries, window.order) == (3, (A,))
    assert columns(other) == ["x", "y"]
    assert one.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_a_statement_that_gets_no_lock_leaves_nothing(one: Connection, other: Connection, timer: Timer) -> None:
    other.execute("BEGIN; SELECT * FROM public.a")
    with pytest.raises(
        LockNotAvailable, match=rf'on public\.a, public\."Odd table" within .*process {other.info.backend_pid} '
    ):
        run_ddl(one, ADD_COLUMN, [A, B], timer.patience())
    other.execute("ROLLBACK")
    assert columns(one) == ["x"]


def test_a_statement_the_server_refuses_is_not_tried_again(one: Connection, timer: Timer) -> None:
    with pytest.raises(psycopg.errors.DuplicateColumn):
        run_ddl(one, sql.SQL("ALTER TABLE public.a ADD COLUMN x int"), [A], timer.patience())
    assert timer.pauses == []


def test_a_statement_needs_its_own_transaction_and_its_tables(one: Connection, timer: Timer) -> None:
    with pytest.raises(ValueError, match="outside"), one.transaction():
        run_ddl(one, ADD_COLUMN, [A], timer.patience())
    with pytest.raises(ValueError, match="which tables"):
        run_ddl(one, ADD_COLUMN, [], timer.patience())
    assert columns(one) == ["x"]


def test_a_limit_on_waiting_ends_with_its_block(one: Connection) -> None:
    with one.transaction():
        one.execute("SET LOCAL lock_timeout TO '7s'")
        with limited_lock_wait(one, 0.0001):
            assert one.execute("SHOW lock_timeout").fetchone() == ("1ms",)
        assert one.execute("SHOW lock_timeout").fetchone() == ("7s",)


def test_what_a_role_may_not_see_is_told_as_unknown() -> None:
    unseen = Holder(7, None, None, None, None, None, None)
    prepared = Holder(None, None, None, None, None, None, None)
    assert str(unseen) == "process 7 (not visible to this role)"
    assert str(prepared) == "a prepared transaction (see pg_prepared_xacts)"
    assert prepared.ending == "COMMIT or ROLLBACK PREPARED"


def test_a_vacuum_of_the_servers_own_is_sent_away(server_folder: Path, timer: Timer) -> None:
    """A try that ended before the deadlock check would wait for it in vain, as long as it takes."""
    with (
        embedded_server(server_folder, durable=False, settings={"autovacuum_naptime": "1s"}) as server,
        closing(connect(server.url)) as one,
    ):
        one.execute("""
            CREATE TABLE public.a (x int) WITH (
                autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 0
            );
            INSERT INTO public.a SELECT generate_series(1, 20000);
            DELETE FROM public.a WHERE x % 2 = 0
        """)
        wait_until(one, "SELECT count(*) = 1 FROM pg_stat_progress_vacuum WHERE relid = 'public.a'::regclass")
        with one.transaction():
            assert lock_tables(one, EXCLUSIVE, [[A]], timer.patience(lock_timeout_s=0.3)).tries == 1


def test_every_version_of_the_server_locks_and_names_the_holder(
    templates_of_each_version: Templates, timer: Timer
) -> None:
    with templates_of_each_version.clone() as database:
        database.run("CREATE TABLE a (x int)")
        with closing(database.connect()) as other, closing(database.connect_as_pgfold()) as one:
            hold_fold_lock(other, "issues")
            with pytest.raises(AlreadyRunning, match=f"process {other.info.backend_pid} "):
                hold_fold_lock(one, "issues")
            other.execute("BEGIN; SELECT * FROM public.a")
            with one.transaction():
                with pytest.raises(LockNotAvailable, match=f"process {other.info.backend_pid} "):
                    lock_tables(one, EXCLUSIVE, [[A]], timer.patience())
                other.execute("ROLLBACK")
                assert lock_tables(one, EXCLUSIVE, [[A]], timer.patience()).tries == 1


def test_a_role_that_may_not_hasten_the_deadlock_check_locks_without(
    one: Connection, other: Connection, database: Database, timer: Timer
) -> None:
    role = f"locker_{database.name}"
    database.run(f"CREATE ROLE {role}; GRANT ALL ON a TO {role}")
    one.execute(f"SET ROLE {role}".encode())
    with one.transaction():
        assert lock_tables(one, EXCLUSIVE, [[A]], timer.patience()).tries == 1
        assert one.execute("SHOW deadlock_timeout").fetchone() == ("1s",)
        assert not is_free(other, A)
