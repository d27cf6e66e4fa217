"""The demo's tables and what it asks of them."""

from __future__ import annotations

from importlib.resources import files

import psycopg

CONVERSATION = "SELECT id, title FROM demo.conversations WHERE id = %s"
MESSAGES = "SELECT id, body FROM demo.messages WHERE conversation = %s ORDER BY id DESC LIMIT 20"
FILES = "SELECT id, size_bytes FROM demo.files WHERE conversation = %s"
MESSAGES_SLOWLY = "SELECT id, pg_sleep(0.03) FROM demo.messages WHERE conversation = %s ORDER BY id DESC LIMIT 20"
INSERT = "INSERT INTO demo.messages (conversation, body) VALUES (%s, %s)"
INSERT_TWICE = "INSERT INTO demo.conversations VALUES (%s, 'again')"
RENAME = "UPDATE demo.conversations SET title = %s WHERE id = %s"
SWEEP = "DELETE FROM demo.messages WHERE id <= (SELECT max(id) - 2000 FROM demo.messages)"


def create_tables(database_url: str) -> None:
    """Make them where they are not there yet."""
    script = files("daemon.demo").joinpath("tables.sql").read_bytes()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(script)
