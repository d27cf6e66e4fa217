"""The dump that proofs rest on: equal for equal databases, different for any difference."""

import pytest

from tests.databases import Database
from tests.dump import dump

_TABLES = """
CREATE TABLE a (id int PRIMARY KEY, words text);
INSERT INTO a VALUES (1, E'-- Name: x\\n--'), (2, E'COPY a FROM stdin;\\n\\\\.'), (3, NULL);
CREATE SEQUENCE s;
"""


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE a SET words = words WHERE id = 1",
        "CREATE SCHEMA pgfold; CREATE TABLE pgfold.runs (id int); CREATE SCHEMA pgfold_issues_public",
        "CREATE TABLE schema_migrations (id int); INSERT INTO schema_migrations VALUES (1)",
        "VACUUM FULL a",
    ],
)
def test_physical_order_and_what_pgfold_keeps_make_no_difference(database: Database, change: str) -> None:
    database.run(_TABLES)
    before = dump(database)
    database.run(change)
    assert dump(database) == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE a SET words = '' WHERE id = 3",
        "DELETE FROM a WHERE id = 1",
        "INSERT INTO a VALUES (4, NULL)",
        "SELECT nextval('s')",
        "CREATE TRIGGER t BEFORE UPDATE ON a EXECUTE FUNCTION tsvector_update_trigger()",
        "COMMENT ON COLUMN a.words IS 'x'",
        "GRANT SELECT ON a TO PUBLIC",
        "ALTER TABLE a ALTER words SET STATISTICS 7",
        "CREATE POLICY p ON a",
        "ALTER TABLE a SET (fillfactor = 70)",
        "CREATE PUBLICATION p FOR TABLE a (id)",
    ],
)
def test_any_other_change_is_seen(database: Database, change: str) -> None:
    database.run(_TABLES)
    before = dump(database)
    database.run(change)
    assert dump(database) != before


def test_what_pgfold_keeps_is_seen_when_asked_for(database: Database) -> None:
    before = dump(database, with_own=True)
    database.run("CREATE SCHEMA pgfold")
    assert dump(database, with_own=True) != before
