"""README.md's worked example, word for word: its SQL, its spec, its commands, and what it says they print."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from pipelines.commands.parser import build_parser
from pipelines.settings import Settings
from tests.databases import Database
from tests.fix_command import Ended, command, with_password

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of a language, as they are to be typed."""
    return [dedent(body) for body in re.findall(rf"(?ms)^ *```{language}\n(.*?)^ *```$", README)]


def plain(text: str) -> list[str]:
    """Lines without what differs from run to run: hashes, times, and how wide the gaps between columns are."""
    text = re.sub(r"\bplan [0-9a-f]{6}", "plan ------", text)
    text = re.sub(r"\d+(\.\d+)? (ms|s)\b", "0 s", text)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines() if line.strip()]


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Settings:
    """The README's tables and spec."""
    tables = next(block for block in blocks("sql") if "shop_users" in block)
    spec = next(block for block in blocks("yaml") if "shop_users" in block)
    database.run(tables)
    (tmp_path / "customers").mkdir()
    (tmp_path / "customers" / "defs.yaml").write_text(spec)
    return Settings(with_password(database.url), "public", tmp_path, "ada")


def done(shop: Settings, typed: str) -> Ended:
    ended = command(shop, *typed.split()[1:])
    assert (ended.status, ended.errors) == (0, ""), ended.said
    return ended


def test_the_example_prints_what_the_readme_shows_and_comes_back(shop: Settings, database: Database) -> None:
    before = database.rows("SELECT * FROM shop_users ORDER BY 1")
    shown = next(block for block in blocks("") if "plan ------" in "\n".join(plain(block)))
    planned = plain(done(shop, "pgfold plan customers").output)
    assert [line for line in plain(shown) if line not in planned] == []

    shown = next(block for block in blocks("") if "Folded: " in block)
    folded = plain(done(shop, "pgfold run customers").output)
    assert [line for line in plain(shown) if line not in folded] == []
    assert database.value("SELECT count(*) FROM pgfold_customers_public.shop_users") == 2

    done(shop, "pgfold approve customers drop")
    early = command(shop, "drop", "customers")
    assert (early.status, "the grace period lasts until" in early.errors) == (3, True)
    done(shop, "pgfold drop customers --now")
    done(shop, "pgfold rollback customers --plan")
    done(shop, "pgfold rollback customers")
    assert database.rows("SELECT * FROM shop_users ORDER BY 1") == before
    assert database.value("SELECT string_agg(user_no::text, ',' ORDER BY id) FROM shop_orders") == "1,1,2"


def test_a_column_that_no_rule_places_is_an_error_that_names_it(shop: Settings) -> None:
    file = shop.folder / "customers" / "defs.yaml"
    file.write_text(re.sub(r" +newsletter: .*\n", "", file.read_text()))
    refused = command(shop, "plan", "customers")
    assert refused.status == 3
    assert re.search(r"defs\.yaml:\d+  .*newsletter. of public\.shop_users has no place", refused.said)


def test_every_command_of_the_readme_is_one() -> None:
    typed = re.findall(r"(?m)^ *pgfold (\w[^#\n`]*?) *(?:#.*)?$", "\n".join(blocks("")))
    assert len(typed) >= 4
    for line in typed:
        build_parser().parse_args(line.split())
