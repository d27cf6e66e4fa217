"""Connections: URLs read, hidden and opened, with the session settings that make text output exact.

Settings are set by plain SET statements after connecting: managed services refuse start-up parameters that they let a
statement set (POSTGRES.md, Locks).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import LiteralString
from urllib.parse import quote, unquote, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, create_engine

from pipelines.core.errors import ConnectionLost, PgfoldError, Refused, SpecError

Connection = psycopg.Connection[tuple[object, ...]]

SESSION_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        # text output: exact, and the same for every session that compares (PostgreSQL manual 8.1.3, 8.4, 8.5, 19.11.2)
        "client_encoding": "UTF8",
        "TimeZone": "UTC",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "bytea_output": "hex",
        "extra_float_digits": "3",
        "lc_monetary": "C",
        "xmlbinary": "base64",
        "xmloption": "content",
        # the server's own definitions: every name qualified, quoted only where it must be
        "search_path": "",
        "quote_all_identifiers": "off",
        # what a statement means, whatever the role's or the database's own defaults are
        "standard_conforming_strings": "on",
        "array_nulls": "on",
        "transform_null_equals": "off",
        "default_transaction_isolation": "read committed",
        "default_transaction_read_only": "off",
        "default_transaction_deferrable": "off",
        # rows hidden by a policy are an error, never a silent omission (manual 5.9)
        "row_security": "off",
        # the host must not end a long step; each DDL sets its own lock_timeout
        "statement_timeout": "0",
        "lock_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        # short statements over small batches: compiling them costs more than it gains
        "jit": "off",
        "client_min_messages": "warning",
    }
)
_SETTINGS_SINCE: Mapping[int, Mapping[str, str]] = MappingProxyType(
    {
        140000: {"idle_session_timeout": "0"},
        170000: {"transaction_timeout": "0"},
    }
)

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
_TRANSPORT: Mapping[str, str] = MappingProxyType(
    {
        "connect_timeout": "10",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
    }
)
# Not in the example that our own messages give.
_URL_PASSWORD = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)(?!password@host:5432/database)\S*@", re.IGNORECASE
)
_PASSWORD_PARAMETER = re.compile(r"(?P<before>password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&#'\"]+)", re.IGNORECASE)
_WRONG_ADDRESS = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|does not exist|permission denied for database"
    r"|not permitted to log in|invalid (?:sslmode|port|connection option)|SCRAM|Tenant or user not found"
)


def normalize_url(url: str) -> str:
    """The URL as libpq reads it: `postgresql://...`, whatever SQLAlchemy or Heroku call the scheme.

    Raises:
        SpecError: it is not a PostgreSQL URL; the message shows nothing of it that may be a password.
    """
    scheme, separator, rest = url.strip().partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        raise SpecError(
            "the database URL is not a PostgreSQL URL: write postgresql://user:password@host:5432/database,"
            " in --database-url or DATABASE_URL"
        )
    normal = f"postgresql://{rest}"
    try:
        reason = _displaced(conninfo_to_dict(normal), rest)
    except psycopg.ProgrammingError as error:
        reason = redact(_first_line(str(error)), url)
    if reason:
        raise SpecError(
            f"the database URL cannot be read: {reason}: write postgresql://user:password@host:5432/database,"
            " with special characters percent-encoded (@ is %40, / is %2F)"
        )
    return normal


def redact(text: str, url: str | None = None) -> str:
    """The text with every password in it hidden: in URLs, in parameters, and wherever that of `url` stands."""
    for password in _passwords(url) if url else ():
        text = text.replace(password, "***")
    text = _URL_PASSWORD.sub(r"\g<before>***@", text)
    return _PASSWORD_PARAMETER.sub(r"\g<before>***", text)


def name_database(url: str) -> str:
    """The database in words: `database` on `host:port`, without the user and anything secret."""
    parameters = conninfo_to_dict(normalize_url(url))
    host = str(parameters.get("host") or parameters.get("hostaddr") or "the local socket")
    port = "" if host.startswith("/") or not parameters.get("port") else f":{parameters['port']}"
    return f"database {parameters.get('dbname') or parameters.get('user') or '(default)'} on {host}{port}"


def with_database(url: str, database: str) -> str:
    """The same URL for another database of the same server."""
    parts = urlsplit(normalize_url(url))
    query = "&".join(p for p in parts.query.split("&") if p and not p.startswith("dbname="))
    return f"postgresql://{parts.netloc}/{quote(database, safe='')}{'?' if query else ''}{query}"


def connect(
    url: str, *, application_name: str = "pgfold", settings: Mapping[str, str] = MappingProxyType({})
) -> Connection:
    """Open a connection in autocommit mode (transactions are written out) under the fixed session settings.

    `settings` come after SESSION_SETTINGS and outrank them. Statements are never prepared by the driver: a step
    changes the tables that its next statement reads.

    Raises:
        SpecError: the URL is wrong, or the server knows no such database, role or password.
        ConnectionLost: the server cannot be reached.
    """
    connection = _open(url)
    try:
        wanted = {**SESSION_SETTINGS, **_newer_settings(connection.info.server_version), **settings}
        connection.execute(set_settings({**wanted, "application_name": application_name}))
    except psycopg.Error as error:
        connection.close()
        raise _explain(error, url) from None
    except BaseException:
        connection.close()
        raise
    return connection


def set_settings(settings: Mapping[str, str]) -> sql.Composed:
    """One SET statement a setting, in order, as one text."""
    statement: LiteralString = "SET {} TO {}"
    return sql.SQL("; ").join(
        sql.SQL(statement).format(sql.Identifier(name), sql.Literal(value)) for name, value in settings.items()
    )


def become_replica(connection: Connection) -> None:
    """Keep triggers and foreign keys from firing for this session's own writes (manual 19.11.1).

    The setting is lost on reconnect. A plain SET: managed services refuse the same by set_config.

    Raises:
        Refused: the role may not set it; the message names the GRANT.
    """
    try:
        connection.execute("SET session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(
            f"role {connection.info.user!r} may not set session_replication_role, which keeps triggers from firing"
            f" while rows are moved: {_replica_remedy(connection)}"
        ) from None


def open_engine(url: str, *, application_name: str = "pgfold") -> Engine:
    """A SQLAlchemy engine for our own tables; each connection has the same session settings.

    search_path is empty, so every table and Alembic's version table must name their schema.

    Raises:
        SpecError: the URL is wrong. Reaching the server raises as `connect` does, at the first use.
    """
    normalize_url(url)

    def open_connection() -> Connection:
        connection = connect(url, application_name=application_name)
        connection.autocommit = False  # SQLAlchemy begins and ends transactions itself
        return connection

    return create_engine("postgresql+psycopg://", creator=open_connection, pool_size=2, pool_pre_ping=True)


def _open(url: str) -> Connection:
    given = conninfo_to_dict(normalize_url(url))
    transport = {name: value for name, value in _TRANSPORT.items() if name not in given}
    try:
        return psycopg.connect(make_conninfo(normalize_url(url), **transport), autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise _explain(error, url) from None


def _displaced(parameters: Mapping[str, object], rest: str) -> str:
    """Why a part of a password seems to stand where another part belongs, and would be shown; else nothing.

    libpq ends the user's part of a URL at the first `@`, and the host's at the first `/` (manual 32.1.1.2).
    """
    if not re.fullmatch(r"[\d,]*", str(parameters.get("port") or "")):
        return "its port is not a number, or the password holds a special character"
    unencoded = "@" in str(parameters.get("dbname") or "") and "%40" not in rest
    if unencoded or "@" in str(parameters.get("host") or ""):
        return "the password holds a special character"
    return ""


def _newer_settings(server_version: int) -> dict[str, str]:
    return {
        name: value
        for since, settings in _SETTINGS_SINCE.items()
        if server_version >= since
        for name, value in settings.items()
    }


def _explain(error: psycopg.Error, url: str) -> PgfoldError:
    reason = redact(_last_reason(str(error)), url)
    where = name_database(url)
    if _WRONG_ADDRESS.search(str(error)):
        return SpecError(f"cannot connect to {where}: {reason}: correct --database-url or DATABASE_URL")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return ConnectionLost(f"{where} ended our first statement: {reason}: raise its statement_timeout, run it again")
    return ConnectionLost(f"cannot reach {where}: {reason}: is the server running, and the address right?")


def _last_reason(message: str) -> str:
    """The server's or libpq's own words, without the addresses that were tried before them."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    failures = [line for line in lines if "failed: " in line] or lines or ["no reason given"]
    return failures[-1].rpartition("failed: ")[2].removeprefix("FATAL:").strip().rstrip(".")


def _first_line(message: str) -> str:
    return message.strip().splitlines()[0] if message.strip() else "no reason given"


def _passwords(url: str) -> tuple[str, ...]:
    """The URL's passwords, as written and decoded, longest first; empty where it has none."""
    written = [match["value"] for match in re.finditer(r"password=(?P<value>[^&\s]+)", url)]
    userinfo, _, _ = url.partition("://")[2].rpartition("@")
    written.append(userinfo.partition(":")[2])
    found = {form for value in written for form in (value, unquote(value)) if form}
    return tuple(sorted(found, key=len, reverse=True))


def _replica_remedy(connection: Connection) -> str:
    role = sql.Identifier(connection.info.user).as_string(connection)
    if connection.info.server_version >= 150000:
        return f"let a superuser run GRANT SET ON PARAMETER session_replication_role TO {role};"
    return "before PostgreSQL 15 only a superuser may: connect as one"
