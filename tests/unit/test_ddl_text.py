"""DDL about other names: what is a name changes, what is not stays, to the byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.core.ddl_text import moved, tokens
from pipelines.core.schema import TableName

NAMES = {
    TableName("app", "tickets"): TableName("the copy", "tickets"),
    TableName("app", "Odd.Name"): TableName("the copy", "Odd.Name"),
    TableName("app", "tickets_id_seq"): TableName("the copy", "tickets_id_seq"),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CREATE TABLE app.tickets (", 'CREATE TABLE "the copy"."tickets" ('),
        ('ALTER TABLE ONLY "app"."Odd.Name" ADD', 'ALTER TABLE ONLY "the copy"."Odd.Name" ADD'),
        ("OWNED BY app.tickets.id;", 'OWNED BY "the copy"."tickets".id;'),
        ("nextval('app.tickets_id_seq'::regclass)", """nextval('"the copy"."tickets_id_seq"'::regclass)"""),
        ("""'app."Odd.Name"'::pg_catalog.regclass""", """'"the copy"."Odd.Name"'::pg_catalog.regclass"""),
        ("DO $pgfold$ GRANT ON app.tickets $pgfold$;", 'DO $pgfold$ GRANT ON "the copy"."tickets" $pgfold$;'),
    ],
)
def test_names_move(text: str, expected: str) -> None:
    assert moved(text, NAMES) == expected


@pytest.mark.parametrize(
    "text",
    [
        "COMMENT ON TABLE app.others IS 'about app.tickets';",
        "SELECT 'app.tickets'::text, 'app.tickets'",
        "SELECT E'it\\'s app.tickets', 'it''s app.tickets'",
        "-- app.tickets\n/* app.tickets */",
        "$body$ SELECT * FROM app.tickets $body$",
        "SELECT x.app.tickets, \"app.tickets\", app_.tickets, app.ticket, 'a'::regclass",
        "'app.others'::regclass",
    ],
)
def test_what_is_no_name_of_theirs_stays(text: str) -> None:
    assert moved(text, NAMES) == text


@given(st.text(alphabet="ab.'\"$-/*\\ \n;eE(:0é"))
def test_tokens_are_the_text(text: str) -> None:
    found = list(tokens(text))
    assert "".join(token.text for token in found) == text
    assert all(text[token.start :].startswith(token.text) for token in found)
