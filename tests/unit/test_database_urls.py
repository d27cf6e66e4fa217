"""Database URLs: read in every usual form, shown without a password."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict

from pipelines.core.errors import SpecError
from pipelines.database.connection import name_database, normalize_url, redact, with_database


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2", "POSTGRES"])
def test_every_usual_scheme_is_read(scheme: str) -> None:
    assert normalize_url(f" {scheme}://me@db:5433/shop?sslmode=require\n") == (
        "postgresql://me@db:5433/shop?sslmode=require"
    )


@pytest.mark.parametrize("url", ["", "shop", "mysql://me:s3cret@db/shop", "sqlite:///s3cret", "password=s3cret"])
def test_another_kind_of_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(SpecError, match="not a PostgreSQL URL: write postgresql://") as refused:
        normalize_url(url)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@db:54x/shop?foo=1",
        "postgresql://me:s3cret/x@db:1/shop?nosuch=s3cret",
        "postgresql://me:s3cret%zz@db/shop",
        "postgresql://[::1/shop?password=s3cret",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(SpecError) as refused:
        normalize_url(url)
    assert "s3cret" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:s3cret@db/shop", "postgresql://me:***@db/shop"),
        ("postgresql+psycopg://me:s3:cr@et@db/shop", "postgresql+psycopg://me:***@db/shop"),
        ("postgresql://:s3cret@db", "postgresql://:***@db"),
        (
            "postgresql://me@db/shop?password=s3cret&sslmode=require",
            "postgresql://me@db/shop?password=***&sslmode=require",
        ),
        ("postgresql://db/?sslpassword=s3cret", "postgresql://db/?sslpassword=***"),
        ("host=db PASSWORD = 's3 \\' cret' user=me", "host=db PASSWORD = *** user=me"),
        ("cannot open 'postgres://me:s3cret@db/x': no", "cannot open 'postgres://me:***@db/x': no"),
        ("postgresql://me@db:5432/shop", "postgresql://me@db:5432/shop"),
        ("no URL here, a@b.c", "no URL here, a@b.c"),
    ],
)
def test_passwords_are_hidden_wherever_they_stand(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_the_password_of_a_known_url_is_hidden_in_any_text_as_written_and_decoded() -> None:
    url = "postgresql://me:p%40ss%2Fword@db/shop?sslpassword=other%20one"
    assert redact("tried p@ss/word, p%40ss%2Fword and 'other one'", url) == "tried ***, *** and '***'"


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8))
def test_no_password_of_a_url_is_ever_shown(password: str) -> None:
    url = f"postgresql://me:{password}@db.example/shop"
    assert password not in redact(f"trying {url} now", url).removeprefix("trying postgresql://me:***@")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_with_database_names_any_database_and_keeps_the_rest(name: str) -> None:
    server, options = "postgresql://me:pw@[::1]:5433", "sslmode=require&host=%2Ftmp%2Fa"
    url = with_database(f"{server}/shop?dbname=other&{options}", name)
    assert conninfo_to_dict(url) == conninfo_to_dict(f"{server}/?{options}") | {"dbname": name}


def test_a_database_is_named_without_its_user() -> None:
    assert name_database("postgresql://me:pw@db:5433/shop") == "database shop on db:5433"
    assert name_database("postgresql://me@/shop?host=/run/pg&port=1") == "database shop on /run/pg"
