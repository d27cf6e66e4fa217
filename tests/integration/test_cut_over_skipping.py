"""on_conflict: skip beside writers: who stays behind is decided again whenever rows change, also under the lock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pipelines.core.errors import RuleViolated
from tests.cutting import Cutting, nothing, staged
from tests.databases import Database
from tests.folding import spec_text

NewDatabase = Callable[..., Database]
MANY = 200

TABLES = """
CREATE TABLE things (id int PRIMARY KEY, name text, code int UNIQUE);
INSERT INTO things SELECT -g, 'own', g FROM generate_series(1, 10) g;
CREATE TABLE a (id int PRIMARY KEY, name text, code int);
INSERT INTO a SELECT g, 'a', g FROM generate_series(1, 400) g;
CREATE TABLE b (id int PRIMARY KEY, name text, code int);
INSERT INTO b SELECT 1000 + g, 'b', g FROM generate_series(301, 700) g;
"""
TEXT = spec_text("things", "table: a\non_conflict: skip", "table: b\non_conflict: skip")

# Who should stay behind, computed from the archive and the target's own rows alone.
EXPECTED = """
WITH rows AS (
    SELECT 0 AS source, id, code FROM things WHERE name LIKE 'own%'
    UNION ALL SELECT 1, id, code FROM pgfold_things_public.a UNION ALL SELECT 2, id, code FROM pgfold_things_public.b
), ranked AS (
    SELECT source, id, code IS NULL OR row_number() OVER (PARTITION BY code ORDER BY source, id) = 1 AS wins FROM rows
)
SELECT id FROM ranked WHERE wins ORDER BY id
"""
MAPPED = """
SELECT s1 FROM pgfold.{a} WHERE state = 'mapped' UNION ALL SELECT s1 FROM pgfold.{b} WHERE state = 'mapped'
"""


def is_decided(cutting: Cutting) -> None:
    """The target has the winners, each as its source has it, and the row map knows which they are."""
    winners = cutting.rows(EXPECTED)
    assert cutting.rows("SELECT id FROM things ORDER BY id") == winners
    maps = [name for (name,) in cutting.rows("SELECT tablename FROM pg_tables WHERE tablename ~ '^map_' ORDER BY 1")]
    mapped = cutting.rows(MAPPED.format(a=maps[0], b=maps[1]) + " ORDER BY 1")
    assert mapped == [row for row in winners if int(str(row[0])) > 0]
    differing = """SELECT t.id FROM things t JOIN (SELECT * FROM pgfold_things_public.a
                   UNION ALL SELECT * FROM pgfold_things_public.b) s ON s.id = t.id
                   WHERE (s.name, s.code) IS DISTINCT FROM (t.name, t.code)"""
    assert cutting.rows(differing) == []


CHANGES = {
    "nothing": "SELECT",
    "the target's own row goes": "DELETE FROM things WHERE id = -5",
    "the target's own row changes its value": "UPDATE things SET code = 8005 WHERE id = -5",
    "the target gets a row with a value that nobody has": "INSERT INTO things VALUES (-99, 'own', 9000)",
    "a row takes the value of the target's own": "UPDATE a SET code = 3 WHERE id = 50",
    "a row that stayed behind finds another value": "UPDATE a SET code = 5000 + id WHERE id <= 10",
    "an earlier source lets go of values": "UPDATE a SET code = NULL WHERE id > 300",
    "an earlier source takes values of a later one": "UPDATE a SET code = code + 300 WHERE id BETWEEN 101 AND 300",
    "rows of the earlier source go": "DELETE FROM a WHERE id > 350",
    "rows of the later source come": "INSERT INTO b SELECT 2000 + g, 'late', g FROM generate_series(1, 800, 7) g",
    "siblings share a value": "UPDATE a SET code = 77 WHERE id BETWEEN 70 AND 90",
    "a chain": """UPDATE a SET code = 501 WHERE id = 301; UPDATE b SET code = 301 WHERE code = 501;
                  UPDATE b SET code = 302 WHERE id = 1302; DELETE FROM a WHERE id = 302""",
    "all of it at once": f"""DELETE FROM things WHERE id IN (-1, -2); UPDATE a SET code = code + 1 WHERE id < {MANY};
                  UPDATE b SET code = code - 5; DELETE FROM a WHERE id % 9 = 0; INSERT INTO a VALUES (901, 'a', 1)""",
}


@pytest.mark.parametrize("moment", ["meanwhile", "once_inserted"])
@pytest.mark.parametrize("change", CHANGES)
def test_who_stays_behind_is_decided_by_how_it_is_in_the_end(
    new_database: NewDatabase, change: str, moment: str
) -> None:
    database = new_database(TABLES)

    def do() -> None:
        database.run(CHANGES[change])

    cutting = staged(database, TEXT, meanwhile=do if moment == "meanwhile" else nothing)
    cutting.cut(once_inserted=do if moment == "once_inserted" else nothing)
    is_decided(cutting)


def test_a_row_that_falls_behind_under_the_lock_and_has_children_is_refused(new_database: NewDatabase) -> None:
    children = "CREATE TABLE parts (id int PRIMARY KEY, a int REFERENCES a); INSERT INTO parts VALUES (1, 200)"
    cutting = staged(
        new_database(TABLES.replace("generate_series(1, 400)", "generate_series(11, 400)"), children), TEXT
    )
    with pytest.raises(
        RuleViolated, match=r"rows of public\.a stay behind although public\.parts references them: 200"
    ):
        cutting.cut(once_inserted=lambda: cutting.database.run("UPDATE a SET code = 3 WHERE id = 200"))
    assert cutting.rows("SELECT count(*) FROM things") == [(10,)]
    cutting.database.run("UPDATE a SET code = 200 WHERE id = 200")
    cutting.cut()
    is_decided(cutting)


FAMILY = """
CREATE TABLE things (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code text UNIQUE, up uuid);
CREATE TABLE a (no bigint PRIMARY KEY, code text, up bigint REFERENCES a);
INSERT INTO things (code) VALUES ('own');
INSERT INTO a VALUES (1, 'a', NULL), (2, 'b', 1);
"""


def test_a_row_that_falls_behind_later_and_is_referenced_by_a_sibling_is_refused_in_words(
    new_database: NewDatabase,
) -> None:
    text = spec_text("things", "table: a\nkey: new\non_conflict: skip")
    cutting = staged(new_database(FAMILY), text)
    with pytest.raises(RuleViolated, match=r"rows of public\.a stay behind although public\.a references them: 1"):
        cutting.cut(once_inserted=lambda: cutting.database.run("UPDATE a SET code = 'own' WHERE no = 1"))
    cutting.database.run("UPDATE a SET code = 'a' WHERE no = 1")
    cutting.cut()
    assert cutting.rows("SELECT count(*), count(up) FROM things") == [(3, 1)]


def test_verify_says_in_words_that_a_referenced_row_stays_behind(new_database: NewDatabase) -> None:
    database = new_database(FAMILY)
    text = spec_text("things", "table: a\nkey: new\non_conflict: skip")
    with pytest.raises(AssertionError, match="since the row it references stays behind"):
        staged(database, text, meanwhile=lambda: database.run("INSERT INTO things (code) VALUES ('a')"))
