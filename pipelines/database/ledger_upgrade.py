"""Alembic on a connection of the caller's: schema pgfold is brought to this program's revision in its transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from pipelines.database.connection import Connection

_SCRIPTS = "pipelines.database:migrations"


class BorrowedDialect(PGDialect_psycopg):
    """PostgreSQL over a psycopg connection that somebody else began a transaction on, and will end it."""

    driver = "psycopg_borrowed"
    supports_statement_cache = True

    def on_connect(self) -> None:
        """Nothing: the connection stays as its owner set it up."""

    def do_begin(self, dbapi_connection: Any) -> None:
        """Nothing: the owner did."""

    def do_commit(self, dbapi_connection: Any) -> None:
        """Nothing: the owner will."""

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Nothing: an error reaches the owner, who does."""


def upgrade_ledger(connection: Connection) -> None:
    """Run the revisions that schema pgfold has not had yet; the schema is there already.

    Raises:
        psycopg.Error: the server refused one; the caller's transaction is to be rolled back.
    """
    config = alembic_config()
    try:
        with borrowed(connection) as borrower:
            config.attributes["connection"] = borrower
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise error.orig or error from None


def alembic_config() -> Config:
    """Where Alembic finds the revisions."""
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    return config


@contextmanager
def borrowed(connection: Connection) -> Iterator[sqlalchemy.Connection]:
    """A SQLAlchemy connection over a psycopg one inside a transaction, which it neither commits nor rolls back."""
    registry.register("postgresql.psycopg_borrowed", __name__, BorrowedDialect.__name__)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg_borrowed://",
        creator=lambda: connection,
        poolclass=StaticPool,
        use_native_hstore=False,
    )
    with engine.connect() as borrower:
        yield borrower
