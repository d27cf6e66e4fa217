"""The functions of an expression are those that the server would call, and reading them leaves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from psycopg import sql

from pipelines.core.errors import DatabaseError, Refused, SpecError
from pipelines.core.schema import Column, FunctionFacts, TableName
from pipelines.database.introspection import expression_volatility, read_types
from tests.databases import Database, Templates

THINGS = TableName("public", "things")
SCRIPT = """
CREATE TABLE things (id integer, title text, at timestamptz, amount numeric, tags text[]);
CREATE FUNCTION public.half(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
CREATE FUNCTION public.dice() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 4';
CREATE FUNCTION public.worse(integer, integer) RETURNS boolean LANGUAGE sql VOLATILE AS 'SELECT $1 < $2';
CREATE OPERATOR public.<<< (LEFTARG = integer, RIGHTARG = integer, FUNCTION = public.worse);
"""


@pytest.fixture(scope="module")
def things(templates: Templates) -> Iterator[Database]:
    """One table and some functions, only to be read."""
    with templates.clone(SCRIPT) as made:
        yield made


@pytest.fixture
def scratch(new_database: Callable[..., Database]) -> Database:
    """The same, to be changed."""
    return new_database(SCRIPT)


def volatilities(database: Database, expression: str) -> dict[str, str]:
    with database.connect() as connection:
        return {f.name: f.volatility for f in expression_volatility(connection, THINGS, expression)}


@pytest.mark.parametrize(
    ("expression", "functions"),
    [
        ("title", {}),
        ("'LEGACY-' || title", {"textcat(text,text)": "i"}),
        ("lower(title)", {"lower(text)": "i"}),
        ("id + 1", {"int4pl(integer,integer)": "i"}),
        ("now()", {"now()": "s"}),
        ("CURRENT_TIMESTAMP(3)", {"CURRENT_TIMESTAMP": "s"}),
        ("CURRENT_USER", {"CURRENT_USER": "s"}),
        ("CURRENT_SCHEMA", {"CURRENT_SCHEMA": "s"}),
        ("to_jsonb(title)", {"to_jsonb(anyelement)": "s"}),
        ("array_to_string(tags, ',')", {"array_to_string(anyarray,text)": "s"}),
        ("gen_random_uuid()", {"gen_random_uuid()": "v"}),
        ("half(id)", {"half(integer)": "i"}),
        ("1 -- a remark", {}),
        ("id <<< 3", {"worse(integer,integer)": "v"}),
        ("id = ANY (ARRAY[1, 2])", {"int4eq(integer,integer)": "i"}),
        ("title IS DISTINCT FROM 'x'", {"texteq(text,text)": "i"}),
        ("CASE WHEN id > 1 THEN dice() END", {"int4gt(integer,integer)": "i", "dice()": "v"}),
        ("(SELECT count(*) FROM pg_class)", {"count()": "i"}),
        ("(SELECT dice())", {"dice()": "v"}),
        ("(SELECT dice() UNION SELECT dice())", {"dice()": "v"}),
        ("amount::integer", {"int4(numeric)": "i"}),
    ],
)
def test_functions_by_name_operator_cast_and_keyword(
    things: Database, expression: str, functions: dict[str, str]
) -> None:
    with things.connect() as connection:
        found = expression_volatility(connection, THINGS, expression)
    assert {f.name.removeprefix("public."): f.volatility for f in found} == functions


def test_a_conversion_by_text_counts_the_functions_of_its_types(things: Database) -> None:
    found = volatilities(things, "at::text")
    assert {name for name, volatility in found.items() if volatility != "i"} == {
        "timestamptz_out(timestamp with time zone)"
    }
    assert "textin(cstring)" in found
    assert volatilities(things, "id::text")["int4out(integer)"] == "i"


def test_a_function_that_is_redefined_has_another_digest(scratch: Database) -> None:
    with scratch.connect() as connection:
        before = expression_volatility(connection, THINGS, "half(id)")
        assert before == expression_volatility(connection, THINGS, "half(id) ")
        connection.execute(
            "CREATE OR REPLACE FUNCTION half(integer) RETURNS integer IMMUTABLE AS 'SELECT 1' LANGUAGE sql"
        )
        after = expression_volatility(connection, THINGS, "half(id)")
        assert expression_volatility(connection, THINGS, "lower(title)") == (FunctionFacts("lower(text)", "i"),)
    assert before[0].digest != after[0].digest


def test_names_resolve_as_the_session_says(things: Database) -> None:
    with things.connect() as connection:
        connection.execute("SET search_path = ''")
        with pytest.raises(SpecError, match="function half"):
            expression_volatility(connection, THINGS, "half(id)")
        [half] = expression_volatility(connection, THINGS, "public.half(id)")
        assert half.name == "public.half(integer)"


def test_an_alias_and_columns_that_are_not_there_yet(things: Database) -> None:
    with things.connect() as connection:
        types = read_types(connection, ["varchar(10)", "jsonb"])
        added = [Column("New One", types["varchar(10)"], 6), Column("doc", types["jsonb"], 7)]
        text = sql.SQL("lower({}) || {}").format(sql.Identifier("s", "New One"), sql.Identifier("s", "id"))
        found = expression_volatility(connection, THINGS, text, alias="s", added=added)
        assert {f.name for f in found} == {"lower(text)", "textanycat(text,anynonarray)"}


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("titel", 'column "titel" does not exist'),
        ("lowr(title)", r"function lowr\(text\) does not exist .*"),
        ("title +", "syntax error at or near"),
        ("id + 'x'", "invalid input syntax for type integer"),
        ("1); DROP TABLE things; SELECT (1", "cannot insert multiple commands|syntax error"),
        ("1), (2", "is not one expression"),
        ("1) UNION SELECT (2", "is not one expression"),
        ("max(id)", "calls an aggregate: it must give one value for each row"),
        ("row_number() OVER ()", "calls a window function"),
        ("unnest(tags)", "calls a function that returns a set"),
        ("(WITH gone AS (DELETE FROM things RETURNING 1) SELECT 1)", "WITH"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_servers_reason(things: Database, expression: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        volatilities(things, expression)
    assert "public.things" in str(refused.value)
    assert things.value("SELECT count(*) FROM pg_class WHERE relname = 'things'") == 1


def test_a_table_that_is_not_there_is_named(things: Database) -> None:
    with things.connect() as connection, pytest.raises(SpecError, match=r'relation "public.none" does not exist'):
        expression_volatility(connection, TableName("public", "none"), "1")


def test_nothing_runs_and_nothing_stays(scratch: Database) -> None:
    with scratch.connect() as connection:
        connection.execute("CREATE SEQUENCE drawn")
        assert volatilities(scratch, "nextval('drawn')") == {"nextval(regclass)": "v"}
        assert connection.execute("SELECT is_called FROM drawn").fetchone() == (False,)
    assert scratch.value("SELECT count(*) FROM pg_class WHERE relname = 'pgfold_expression'") == 0


def test_a_callers_transaction_goes_on(scratch: Database) -> None:
    with scratch.connect() as connection, connection.transaction():
        connection.execute("INSERT INTO things (id) VALUES (1)")
        expression_volatility(connection, THINGS, "id")
        with pytest.raises(SpecError):
            expression_volatility(connection, THINGS, "none")
        assert connection.execute("SELECT count(*) FROM things").fetchone() == (1,)


def test_a_read_only_transaction_is_refused_with_the_remedy(things: Database) -> None:
    with things.connect() as connection, connection.transaction():
        connection.execute("SET TRANSACTION READ ONLY")
        with pytest.raises(DatabaseError, match="read them before it begins"):
            expression_volatility(connection, THINGS, "id")


def test_a_role_without_temporary_tables_is_told_the_grant(scratch: Database) -> None:
    with scratch.connect() as connection:
        connection.execute("CREATE ROLE no_temporary")
        try:
            connection.execute(f"REVOKE TEMPORARY ON DATABASE {scratch.name} FROM PUBLIC".encode())
            connection.execute("SET ROLE no_temporary")
            grant = f"GRANT TEMPORARY ON DATABASE {scratch.name} TO no_temporary"
            with pytest.raises(Refused, match=grant):
                expression_volatility(connection, THINGS, "1")
            connection.execute(f"RESET ROLE; {grant}; SET ROLE no_temporary".encode())
            assert expression_volatility(connection, THINGS, "1") == ()
        finally:
            connection.execute("RESET ROLE; DROP OWNED BY no_temporary; DROP ROLE no_temporary")


def test_every_version_writes_trees_that_are_read_alike(templates_of_each_version: Templates) -> None:
    with templates_of_each_version.clone(SCRIPT) as database:
        expression = "CASE WHEN id <<< 3 THEN CURRENT_DATE::text ELSE lower(title) || half(id) END"
        found = volatilities(database, expression)
        assert {name.removeprefix("public.") for name in found} >= {
            "worse(integer,integer)", "CURRENT_DATE", "date_out(date)", "lower(text)", "half(integer)",
        }  # fmt: skip
        assert [name for name, volatility in found.items() if volatility == "v"] == ["public.worse(integer,integer)"]
