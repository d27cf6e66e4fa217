"""Connections: fixed session settings, and one clear message where there is none."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import sqlalchemy

from pipelines.core.errors import ConnectionLost, PgfoldError, Refused, SpecError
from pipelines.database.connection import SESSION_SETTINGS, become_replica, connect, open_engine
from pipelines.database.embedded import EmbeddedServer
from tests.databases import Database

_HOST_DEFAULTS = {
    "TimeZone": "'Australia/Melbourne'",
    "DateStyle": "'German'",
    "IntervalStyle": "'iso_8601'",
    "bytea_output": "'escape'",
    "extra_float_digits": "0",
    "search_path": "other, public",
    "row_security": "on",
    "statement_timeout": "'1s'",
    "idle_in_transaction_session_timeout": "'1s'",
    "transaction_timeout": "'1s'",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "'serializable'",
    "standard_conforming_strings": "off",
    "jit": "on",
}


@pytest.fixture
def role(database: Database) -> Iterator[str]:
    """The URL of a role with no rights."""
    database.run("CREATE ROLE clerk LOGIN")
    yield database.url.replace("postgres@", "clerk@", 1)
    database.run("DROP OWNED BY clerk; DROP ROLE clerk")


def test_the_settings_hold_whatever_the_database_has_as_its_defaults(database: Database) -> None:
    database.run("".join(f'ALTER DATABASE {database.name} SET "{n}" = {v};' for n, v in _HOST_DEFAULTS.items()))
    with connect(database.url) as connection:
        held = {
            name: connection.execute("SELECT pg_catalog.current_setting(%s)", [name]).fetchone()
            for name in SESSION_SETTINGS
        }
        assert held == {name: (value if name != "search_path" else '""',) for name, value in SESSION_SETTINGS.items()}
        assert connection.execute("SHOW transaction_timeout").fetchone() == ("0",)
        assert connection.execute("SHOW application_name").fetchone() == ("pgfold",)


def test_text_is_exact(database: Database) -> None:
    row = "SELECT (0.1::float8 + 0.2)::text, '\\x00ff'::bytea::text, timestamptz 'epoch'::text, interval 'P1M1D'::text"
    with connect(database.url) as connection:
        assert connection.execute(row.encode()).fetchone() == (
            "0.30000000000000004", "\\x00ff", "1970-01-01 00:00:00+00", "1 mon 1 day",
        )  # fmt: skip


def test_settings_asked_for_outrank_the_fixed_ones(database: Database) -> None:
    with connect(database.url, application_name="pgfold drop", settings={"statement_timeout": "5s"}) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)
        assert connection.execute("SHOW application_name").fetchone() == ("pgfold drop",)


def test_an_engine_has_the_same_settings_on_every_connection_and_begins_transactions(database: Database) -> None:
    engine = open_engine(database.url)
    show = sqlalchemy.text("SELECT current_setting('TimeZone'), current_setting('search_path')")
    with engine.connect() as one, engine.connect() as other:
        assert one.execute(show).all() == other.execute(show).all() == [("UTC", '""')]
        one.execute(sqlalchemy.text("CREATE TABLE public.undone ()"))
        one.rollback()
    engine.dispose()
    assert database.value("SELECT to_regclass('public.undone')") is None


def test_a_replica_session_fires_no_trigger(sample_database: Database) -> None:
    with connect(sample_database.url) as connection:
        become_replica(connection)
        connection.execute("UPDATE public.exai_issues SET title = title || '!'")
    assert sample_database.value("SELECT count(*) FROM exai_issues WHERE updated_at > '2026-01-01'") == 0


def test_a_role_that_may_not_become_a_replica_is_refused_with_the_grant(database: Database, role: str) -> None:
    with connect(role) as connection:
        with pytest.raises(Refused, match=r"GRANT SET ON PARAMETER session_replication_role TO \"clerk\";"):
            become_replica(connection)
        database.run("GRANT SET ON PARAMETER session_replication_role TO clerk")
        become_replica(connection)
        assert connection.execute("SHOW session_replication_role").fetchone() == ("replica",)
    database.run("REVOKE SET ON PARAMETER session_replication_role FROM clerk")


def said(error: type[PgfoldError], url: str) -> str:
    with pytest.raises(error) as raised:
        connect(url)
    message = str(raised.value)
    assert "\n" not in message
    assert "s3cret" not in message
    return message


def test_a_server_that_is_not_there_is_named(server: EmbeddedServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert f"cannot reach database shop on 127.0.0.1:{port}: Connection refused" in said(
        ConnectionLost, f"postgresql://me:s3cret@127.0.0.1:{port}/shop"
    )
    assert "cannot reach database shop on nowhere.invalid" in said(
        ConnectionLost, "postgresql://me:s3cret@nowhere.invalid/shop"
    )
    assert "No such file or directory" in said(ConnectionLost, "postgresql://me:s3cret@/shop?host=/nowhere")


def test_a_server_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me:s3cret@127.0.0.1:{silent.getsockname()[1]}/shop?connect_timeout=1"
        assert "timeout expired" in said(ConnectionLost, url)


def test_a_database_or_role_that_does_not_exist_is_a_wrong_address(server: EmbeddedServer) -> None:
    nowhere = said(SpecError, server.database_url("nowhere"))
    assert 'database "nowhere" does not exist: correct --database-url or DATABASE_URL' in nowhere
    nobody = said(SpecError, server.url.replace("postgres@", "nobody:s3cret@", 1))
    assert 'role "nobody" does not exist' in nobody


def test_a_setting_that_the_server_refuses_closes_the_connection(database: Database) -> None:
    with pytest.raises(PgfoldError, match="no_such_setting"):
        connect(database.url, settings={"no_such_setting": "1"})
    database.run(f"CREATE DATABASE copy_of_{database.name} TEMPLATE {database.name}")  # refused while it is in use
    database.run(f"DROP DATABASE copy_of_{database.name}")
