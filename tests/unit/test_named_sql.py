"""Named SQL: a file gives its blocks by name, and a file with a mistake is refused by name."""

import pytest

from pipelines.database.named_sql import parse_blocks

TWO_BLOCKS = """-- SQL of the example.

-- first_one: what 100 % of {people} want
SELECT 1
-- a remark that stays in the text
FROM t;

-- second: the rest
SELECT 2
"""


def test_blocks_keep_their_order_purpose_and_text() -> None:
    blocks = parse_blocks(TWO_BLOCKS, "example.sql")
    assert list(blocks) == ["first_one", "second"]
    assert blocks["first_one"].purpose == "what 100 % of {people} want"
    assert blocks["first_one"].text == "SELECT 1\n-- a remark that stays in the text\nFROM t;"
    assert blocks["second"].text == "SELECT 2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no block"),
        ("SELECT 1;\n-- one: first\nSELECT 1;", "example.sql:1: SQL before"),
        ("-- one: first\nSELECT 1;\n-- one: again\nSELECT 2;", "block 'one' is there twice"),
        ("-- one: first\n-- nothing but a remark\n-- two: second\nSELECT 2;", "block 'one' has no SQL"),
    ],
)
def test_a_mistake_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_blocks(text, "example.sql")
