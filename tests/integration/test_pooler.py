"""A transaction pooler is refused; the server itself is not."""

from collections.abc import Callable

import pytest

from pipelines.core.errors import Refused
from pipelines.database.pooler import describe_remedy, refuse_transaction_pooler
from tests.databases import Database
from tests.fix_pooler import Pooler


@pytest.mark.parametrize("last_freed_first", [True, False])
def test_a_transaction_pooler_is_refused(new_pooler: Callable[[bool], Pooler], last_freed_first: bool) -> None:
    with pytest.raises(Refused, match=r"is a transaction pooler.*pooler in session mode"):
        refuse_transaction_pooler(new_pooler(last_freed_first).url)


@pytest.mark.parametrize("last_freed_first", [True, False])
def test_a_pool_with_a_process_for_each_session_is_refused(
    new_pooler: Callable[[bool], Pooler], last_freed_first: bool
) -> None:
    pooler = new_pooler(last_freed_first)
    with Database("a", pooler.url).connect() as one, Database("b", pooler.url).connect() as other:
        with one.transaction(), other.transaction():
            one.execute("SELECT 1")
            other.execute("SELECT 1")
        with pytest.raises(Refused, match="is a transaction pooler"):
            refuse_transaction_pooler(pooler.url)


def test_the_server_itself_is_not_refused(database: Database) -> None:
    with database.connect() as connection:
        refuse_transaction_pooler(database.url)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_remedy_names_the_port_that_a_host_is_known_for() -> None:
    assert "5432" in describe_remedy("postgresql://me@db.example.com:6543/postgres")
    assert "6543" in describe_remedy("postgresql://me@db.example.com:6543/postgres")
    assert "6543" not in describe_remedy("postgresql://me@db.example.com:6432/postgres")
