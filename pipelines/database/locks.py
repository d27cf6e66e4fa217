"""Locks: advisory ones that keep two runs apart, and table locks in many short tries.

A lock that waits lets every later statement on its table wait behind it. So no try waits longer than lock_timeout, and
between two tries the application goes on (POSTGRES.md, Locks and the cut-over window).
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from pipelines.core.errors import AlreadyRunning, LockNotAvailable
from pipelines.core.schema import TableName
from pipelines.database.connection import Connection
from pipelines.database.ledger_reading import Query, block, require_transaction, returned_rows
from pipelines.database.lock_holders import Holder, LockMode, advisory_holders, name_holders, table_holders

_FILE = "locks.sql"
_LONGEST_PAUSE = 4  # of lock_timeout: then a minute still has some thirty tries


@dataclass(frozen=True, slots=True)
class Patience:
    """How a lock is waited for: tries of `lock_timeout_s` at most, until `lock_wait_s` have gone by."""

    lock_timeout_s: float
    lock_wait_s: float
    clock: Callable[[], float]  # seconds, monotonic
    wait: Callable[[float], object]  # sleeps so many seconds
    jitter: Callable[[], float] = random.random  # 0 to 1: two that wait for each other fall out of step


class NotNow(Exception):
    """Raised by what is done under the locks, where they had better be given back: what was done is undone."""


@dataclass(frozen=True, slots=True)
class LockWindow:
    """A lock that was had; `since` is the clock's reading when the first table of the last try was locked."""

    order: tuple[TableName, ...]
    tries: int
    waited_s: float  # from the first try to the last lock
    longest_wait_s: float  # of a single lock: how long others may have queued behind it
    since: float


def hold_fold_lock(connection: Connection, fold: str) -> None:
    """Keep every other run of this consolidation away until `release_fold_lock`, or the session's end.

    Raises:
        AlreadyRunning: another session holds it; the message names it.
    """
    _take(connection, _key("fold", fold), fold)


def is_fold_held(connection: Connection, fold: str) -> bool:
    """Whether another session works on this consolidation at the moment; takes nothing."""
    return bool(advisory_holders(connection, _key("fold", fold)))


def release_fold_lock(connection: Connection, fold: str) -> None:
    """Let other runs of this consolidation in."""
    _release(connection, _key("fold", fold))


def release_every_lock(connection: Connection) -> None:
    """Let other runs in at once: a session that ends gives its locks back only when its server process notices."""
    if connection.info.transaction_status is TransactionStatus.IDLE:
        connection.execute(block(_FILE, "release_all"))


def hold_table_locks(connection: Connection, tables: Iterable[TableName]) -> None:
    """Keep pgfold's other runs away from these tables (nobody else is kept from anything); all of them or none.

    Raises:
        AlreadyRunning: another session holds one; the message names the table and the session.
    """
    taken: list[TableName] = []
    try:
        for table in sorted(set(tables)):
            _take(connection, _table_key(table), f"table {table}")
            taken.append(table)
    except AlreadyRunning:
        release_table_locks(connection, taken)
        raise


def release_table_locks(connection: Connection, tables: Iterable[TableName]) -> None:
    """Let pgfold's other runs to these tables."""
    for table in set(tables):
        _release(connection, _table_key(table))


def lock_ledger(connection: Connection) -> None:
    """Until the transaction ends, nobody else changes what schema pgfold is made of; waits as long as lock_timeout."""
    connection.execute(block(_FILE, "lock_until_commit"), {"key": _key("ledger")})


@contextmanager
def limited_lock_wait(connection: Connection, timeout_s: float) -> Iterator[None]:
    """Inside a transaction: no lock is waited for longer than `timeout_s`; afterwards as long as before."""
    row = connection.execute("SHOW lock_timeout").fetchone()
    connection.execute(_limit(timeout_s))
    yield
    connection.execute(sql.SQL("SET LOCAL lock_timeout TO {}").format(sql.Literal(row[0] if row else "0")))


def lock_tables(
    connection: Connection,
    modes: Mapping[TableName, LockMode],
    orders: Sequence[Sequence[TableName]],
    patience: Patience,
    work: Callable[[LockWindow], object] = lambda _: None,
) -> LockWindow:
    """Lock tables one by one, each in its mode, in one of the `orders`: the next one at each try.

    The locks are held until the transaction ends. A try that misses one gives back those it had, and nothing else: it
    rolls back to a savepoint; `patience.wait` is called without a lock. `work` is done within the try: where it misses
    a lock itself or raises NotNow, that is undone too, and tried again. After success lock_timeout stays in force in
    the transaction, so that no later statement waits for a lock that was not foreseen.

    Raises:
        LockNotAvailable: no try succeeded within `lock_wait_s`; the message names the table and who is in the way.
        ValueError: no transaction is open.
    """
    require_transaction(connection, "lock_tables")
    begun = patience.clock()

    def attempt(number: int) -> _Try:
        locks = [(table, modes[table]) for table in orders[number % len(orders)]]

        def under(tried: _Try) -> None:
            waited_s = tried.since - begun
            work(LockWindow(tried.order, number + 1, waited_s, tried.longest_wait_s, tried.since))

        return _try_locks(connection, locks, patience, under)

    return _persist(connection, patience, attempt)


def run_ddl(connection: Connection, statement: Query, tables: Sequence[TableName], patience: Patience) -> LockWindow:
    """Run one statement that locks these tables, in a transaction of its own, in as many short tries as it needs.

    Raises:
        LockNotAvailable: no try succeeded within `lock_wait_s`; the message names the tables and who is in the way.
        ValueError: no table is named, or a transaction is open, which would keep what a failed try had locked.
    """
    if not tables:
        raise ValueError("run_ddl must know which tables its statement locks")
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise ValueError("run_ddl begins and commits a transaction of its own: call it outside of one")
    return _persist(connection, patience, lambda _: _try_statement(connection, statement, tables, patience))


_Lock = tuple[TableName, LockMode]


@dataclass(frozen=True, slots=True)
class _Try:
    """One try: `missed` are the locks of which one was not had; empty where all were."""

    order: tuple[TableName, ...]
    missed: tuple[_Lock, ...]
    longest_wait_s: float
    since: float
    refusal: str = ""  # why the locks were given back although they were had


def _persist(connection: Connection, patience: Patience, attempt: Callable[[int], _Try]) -> LockWindow:
    begun, longest_s = patience.clock(), 0.0
    holders: tuple[Holder, ...] = ()
    missed: tuple[_Lock, ...] = ()
    refusal = ""
    tries = 0
    for number in _numbers(patience):
        tried = attempt(number)
        tries = number + 1
        longest_s = max(longest_s, tried.longest_wait_s)
        if not tried.missed and not tried.refusal:
            return LockWindow(tried.order, tries, patience.clock() - begun, longest_s, tried.since)
        missed, refusal = tried.missed, tried.refusal
        holders = _holders(connection, missed) or holders
    raise LockNotAvailable(f"{refusal}; nothing has changed" if refusal else _refusal(missed, patience, tries, holders))


def _numbers(patience: Patience) -> Iterator[int]:
    """0, 1, ... with a pause between two, until patience ends."""
    end = patience.clock() + patience.lock_wait_s
    for number in itertools.count():
        yield number
        pause_s = patience.lock_timeout_s * min(number + 1, _LONGEST_PAUSE) * (0.5 + patience.jitter())
        if patience.clock() + pause_s >= end:
            return
        patience.wait(pause_s)


def _try_locks(
    connection: Connection, locks: Sequence[_Lock], patience: Patience, under: Callable[[_Try], None]
) -> _Try:
    with connection.transaction() as savepoint:
        tried = _lock_each(connection, locks, patience)
        if tried.missed:
            raise psycopg.Rollback(savepoint)
        connection.execute(_limit(patience.lock_timeout_s))
        try:
            under(tried)
        except (LockNotAvailable, NotNow) as reason:
            tried = replace(tried, refusal=str(reason))
            raise psycopg.Rollback(savepoint) from reason
    return tried


def _lock_each(connection: Connection, locks: Sequence[_Lock], patience: Patience) -> _Try:
    """Lock one after the other; all waits of a try together stay below lock_timeout, since earlier locks are held."""
    order = tuple(table for table, _ in locks)
    hasten_deadlock_check(connection, patience)
    begun = asked = since = patience.clock()
    longest_s = 0.0
    for place, (table, mode) in enumerate(locks):
        lock = sql.SQL("LOCK TABLE {} IN {} MODE").format(table.identifier, sql.SQL(mode.value))
        left_s = patience.lock_timeout_s - (asked - begun)
        missed = not _runs(connection, sql.SQL("; ").join([_limit(left_s), lock]))
        had = patience.clock()
        longest_s = max(longest_s, had - asked)
        if missed:
            return _Try(order, ((table, mode),), longest_s, since)
        asked, since = had, had if place == 0 else since
    return _Try(order, (), longest_s, since)


def _try_statement(connection: Connection, statement: Query, tables: Sequence[TableName], patience: Patience) -> _Try:
    locks = tuple((table, LockMode.ACCESS_EXCLUSIVE) for table in tables)
    asked = patience.clock()
    with connection.transaction() as transaction:
        hasten_deadlock_check(connection, patience)
        connection.execute(_limit(patience.lock_timeout_s))
        tried = _Try(tuple(tables), () if _runs(connection, statement) else locks, patience.clock() - asked, asked)
        if tried.missed:
            raise psycopg.Rollback(transaction)
    return tried


def _runs(connection: Connection, statement: Query) -> bool:
    """Run it; False where a lock was not had, and the transaction or savepoint is to be rolled back."""
    try:
        connection.execute(statement)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
        return False
    return True


def _holders(connection: Connection, locks: Iterable[_Lock]) -> tuple[Holder, ...]:
    found = [holder for table, mode in locks for holder in table_holders(connection, table, mode)]
    return tuple(dict.fromkeys(found))


def _limit(timeout_s: float) -> sql.Composed:
    """At least 1 ms: 0 would be no limit at all."""
    return sql.SQL("SET LOCAL lock_timeout TO {}").format(sql.Literal(max(1, math.ceil(timeout_s * 1000))))


def limit_waits(connection: Connection, patience: Patience) -> None:
    """Inside a transaction: from now on no lock is waited for longer than lock_timeout, and of two in a deadlock it is
    us who give in."""
    hasten_deadlock_check(connection, patience)
    connection.execute(_limit(patience.lock_timeout_s))


def refuse_waiters(connection: Connection, tables: Iterable[TableName]) -> None:
    """See that nobody who has one of the tables waits for this transaction: locking it would be a deadlock.

    Whoever begins to wait after this look is not told of a deadlock before its own deadlock_timeout, a second by
    default, has gone by; by then a try has ended.

    Raises:
        LockNotAvailable: somebody does; the message names the session. Only the end of this transaction helps.
    """
    connection.execute(block(_FILE, "fresh_activity"))
    names = sorted(set(tables))
    query = block(_FILE, "waiters")
    schemas, relations = [t.schema for t in names], [t.name for t in names]
    waiters = returned_rows(connection, Holder, query, schemas=schemas, names=relations)
    if waiters:
        raise LockNotAvailable(f"{name_holders(waiters)} waits for this transaction, and has a lock that it needs")


def hasten_deadlock_check(connection: Connection, patience: Patience) -> None:
    """Have the server look for a deadlock within the try, where the role may say so; else nothing.

    The look also sends away an autovacuum worker that is in the way (manual 24.1.6), which would hold out against every
    try that ends before deadlock_timeout, a second by default. And of two in a deadlock it is us who give in, early in
    the try: until then everybody waits.
    """
    since_15 = connection.info.server_version >= 150000
    row = connection.execute(block(_FILE, "may_hasten" if since_15 else "is_superuser")).fetchone()
    if row is not None and row[0] is True:
        within_ms = max(1, int(patience.lock_timeout_s * 1000 / 10))
        connection.execute(sql.SQL("SET LOCAL deadlock_timeout TO {}").format(sql.Literal(within_ms)))


def _refusal(missed: Sequence[_Lock], patience: Patience, tries: int, holders: Sequence[Holder]) -> str:
    failed = (
        f"no {missed[0][1]} lock on {', '.join(str(table) for table, _ in missed)} within {patience.lock_wait_s:g} s"
        f" ({tries} {'try' if tries == 1 else 'tries'} of {patience.lock_timeout_s * 1000:g} ms); nothing has changed"
    )
    if not holders:
        return f"{failed}; no long holder was seen: raise lock_timeout or lock_wait, or run again at a quieter time"
    return f"{failed}; in the way: {name_holders(holders)}: let it finish, or end it ({holders[0].ending}); run again"


def _release(connection: Connection, key: int) -> None:
    connection.execute(block(_FILE, "release_advisory"), {"key": key})


def _take(connection: Connection, key: int, what: str) -> None:
    holders: tuple[Holder, ...] = ()
    for _ in range(2):  # a holder who has gone before it could be named does not count
        row = connection.execute(block(_FILE, "try_advisory"), {"key": key}).fetchone()
        if row is not None and row[0] is True:
            return
        holders = advisory_holders(connection, key)
        if holders:
            break
    raise AlreadyRunning(
        f"{what} is held by another run of pgfold: {name_holders(holders) or 'a session that has just gone'}:"
        " wait until it is done, or end it, then run again"
    )


def _table_key(table: TableName) -> int:
    return _key("table", table.schema, table.name)


def _key(*names: str) -> int:
    """A lock's number: 64 bits of a hash, so that two names practically never share one (manual 9.28.10)."""
    digest = hashlib.sha256("\0".join(("pgfold", *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
