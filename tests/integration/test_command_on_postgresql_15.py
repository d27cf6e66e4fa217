"""The whole way there and back on the oldest supported server, with what the embedded one lacks: ICU and lz4."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from pipelines.settings import Settings
from tests.databases import Templates
from tests.dump import dump
from tests.fix_command import Ended, command

TABLES = """
CREATE COLLATION phonebook (provider = icu, locale = 'de-u-co-phonebk');
CREATE TABLE letters (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text COLLATE phonebook NOT NULL, body text COMPRESSION lz4);
CREATE INDEX letters_title ON letters (title COLLATE phonebook);
CREATE TABLE notes (
    note_no bigserial PRIMARY KEY, headline text COLLATE phonebook NOT NULL UNIQUE, content text COMPRESSION lz4);
CREATE TABLE replies (id int PRIMARY KEY, note_no bigint NOT NULL REFERENCES notes ON DELETE CASCADE);
INSERT INTO letters (title, body) VALUES ('Aar', repeat('a', 9000));
INSERT INTO notes (headline, content)
VALUES ('Öl', repeat('some text that is long ', 900)), ('Of', NULL), ('Ofen', 'short');
INSERT INTO replies VALUES (1, 1), (2, 3);
"""
SPEC = """
type: pipelines.Consolidation
attributes:
  target: public.letters
  drop_after: 0h
  sources:
    - table: public.notes
      key: new
      columns: {headline: title, content: body}
"""


@pytest.mark.parametrize("templates_of_each_version", [15], indirect=True)
def test_there_and_back_with_icu_collations_and_lz4(templates_of_each_version: Templates, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "defs.yaml").write_text(dedent(SPEC))
    with templates_of_each_version.clone(TABLES) as database:
        settings = Settings(database.url, "public", tmp_path, "ada")

        def done(*arguments: str) -> Ended:
            ended = command(settings, *arguments)
            assert (ended.status, ended.errors) == (0, ""), ended.said
            return ended

        before = dump(database)
        done("run", "letters")
        assert database.rows("SELECT title FROM letters ORDER BY title") == [("Aar",), ("Öl",), ("Of",), ("Ofen",)]
        done("rollback", "letters")
        assert dump(database) == before

        done("run", "letters")
        database.run("UPDATE letters SET title = 'Öfen' WHERE title = 'Ofen'")
        done("approve", "letters", "drop")
        done("drop", "letters")
        done("rollback", "letters")
        assert dump(database) == before.replace("3\tOfen\t", "3\tÖfen\t")
        method = "SELECT DISTINCT pg_column_compression(content) FROM notes WHERE length(content) > 9000"
        assert database.rows(method) == [("lz4",)]
