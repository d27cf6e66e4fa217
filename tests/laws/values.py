"""Column types and awkward values of each, as text that the type's input function reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hypothesis import strategies as st
from psycopg import sql

# What no built-in type is: an enum, domains, composites.
TYPES = """
CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'so, so', 'it''s "fine"', 'ü');
CREATE TYPE public.fruit AS ENUM ('sad', 'ok', 'apple');
CREATE DOMAIN public.code AS text CHECK (VALUE <> 'forbidden');
CREATE DOMAIN public.positive AS integer CHECK (VALUE > 0);
CREATE TYPE public.pair AS (a integer, b text);
CREATE TYPE public.nest AS (p public.pair, m public.mood, n numeric);
CREATE TYPE public.listed AS (xs integer[], j json);
CREATE DOMAIN public.pairs AS public.pair[];
"""


class InJson(StrEnum):
    """How a value is written into a document so that it can be read back."""

    NATIVE = "native"
    ARRAY = "array"  # native, unless a lower bound is not 1: then its text
    JSONB = "jsonb"  # as it is, unless it is a null or a string: then its text
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Kind:
    """A column type; `is_key` says that it may be a key."""

    type: str
    texts: tuple[str, ...]
    in_json: InJson = InJson.NATIVE
    is_key: bool = False

    def __repr__(self) -> str:
        return self.type

    @property
    def type_sql(self) -> sql.SQL:
        """The type's name; ours, so that it may stand in SQL."""
        return sql.SQL(self.type)

    def literal(self, text: str | None) -> sql.Composed:
        """A value of this type."""
        return sql.SQL("{}::{}").format(sql.Literal(text), self.type_sql)


_NUMERIC = (
    "0",
    "-0.0",
    "1",
    "1.0",
    "1.00",
    "NaN",
    "Infinity",
    "-Infinity",
    "123456789012345678901234567890.0001",
    "1e-20",
)
_FLOAT = ("0", "-0", "1", "NaN", "Infinity", "-Infinity", "0.1", "1e300", "5e-324", "1.7976931348623157e308")
_TEXT = (
    "",
    " ",
    "a",
    "A",
    "a ",
    "NULL",
    "null",
    "it's",
    'say "x"',
    "{}",
    "{a,b}",
    "%s",
    "\\",
    "\\x41",
    "()",
    ",",
    "ß",
    "ı",
    "日本語",
    "😀",
    "\n",
    "\t",
    "\u200b",
    "e\u0301",
    "\u00e9",
    "1",
    "1.0",
    "true",
    '{"a": 1}',
    "forbidden",
    "$$",
)
_JSONB = (
    "null",
    "1",
    "1.0",
    "1.00",
    '""',
    '"a"',
    '"null"',
    "true",
    "{}",
    "[]",
    '{"a": null}',
    '{"a": {"b": [1, "x"]}}',
    "[[]]",
    '{"": 0}',
    '"\\u00e9"',
    "1e400",
    '"{\\"a\\": 1}"',
)
_JSON = (*_JSONB, ' {"b":1,  "a":2}', '{"a":1,"a":2}', "[1 , 2]", '"\\u0000"', "1E2", ' "a" ', '{"a":\n1}')
_TIMESTAMP = (
    "2024-02-29 12:00:00",
    "infinity",
    "-infinity",
    "0044-03-15 00:00:00 BC",
    "2024-01-01 00:00:00.000001",
    "99999-12-31 23:59:59.999999",
    "1970-01-01",
)
_TIMESTAMPTZ = (*_TIMESTAMP, "2024-03-10 02:30:00 America/New_York", "1900-01-01 00:00:00+05:53:28")

KINDS: tuple[Kind, ...] = (
    Kind("text", _TEXT, is_key=True),
    Kind("integer", ("0", "1", "-1", "2147483647", "-2147483648", "42"), is_key=True),
    Kind("bigint", ("0", "1", "9223372036854775807", "-9223372036854775808", "9007199254740993", "42"), is_key=True),
    Kind("smallint", ("0", "1", "32767", "-32768"), is_key=True),
    Kind("uuid", ("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
                  "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), is_key=True),
    Kind("character varying(12)", ("", " ", "a", "a ", "twelve chars", "日本語日本語日本語日本語"), is_key=True),
    Kind("jsonb", _JSONB, InJson.JSONB),
    Kind("json", _JSON, InJson.TEXT),
    Kind("boolean", ("true", "false")),
    Kind("numeric", _NUMERIC, is_key=True),
    Kind("numeric(10,2)", ("0", "1", "1.5", "-99999999.99", "NaN", "0.01")),
    Kind("numeric(3,-2)", ("0", "100", "-99900", "12300")),
    Kind("real", ("0", "-0", "NaN", "Infinity", "0.1", "3.4028235e38", "1e-45", "1")),
    Kind("double precision", _FLOAT),
    Kind("character varying", _TEXT),
    Kind("character(5)", ("", "a", "a    ", "abcde", "日本")),
    Kind('"char"', ("", "a", "\\377", "'")),
    Kind("name", ("", "a", "n" * 63)),
    Kind("bytea", ("", "\\x00", "\\xdeadbeef", "\\x5c")),
    Kind("date", ("2024-02-29", "infinity", "-infinity", "0044-03-15 BC", "5874897-12-31"), is_key=True),
    Kind("time without time zone", ("00:00:00", "24:00:00", "12:34:56.789012")),
    Kind("time(2) with time zone", ("00:00:00+00", "23:59:59.99-15:59", "24:00:00+13")),
    Kind("timestamp without time zone", _TIMESTAMP),
    Kind("timestamp(3) without time zone", ("2024-01-01 00:00:00.123", "infinity")),
    Kind("timestamp with time zone", _TIMESTAMPTZ, is_key=True),
    Kind("interval", ("0", "1 mon", "30 days", "24:00:00", "1 day", "-1 year 2 mons -3 days 04:05:06.789", "infinity")),
    Kind("interval day to second", ("1 day", "25:00:00", "-00:00:00.000001")),
    Kind("inet", ("0.0.0.0", "10.0.0.1/8", "10.0.0.1", "::1", "fe80::1/64")),
    Kind("cidr", ("10.0.0.0/8", "::/0", "192.168.1.1/32")),
    Kind("macaddr", ("08:00:2b:01:02:03", "00:00:00:00:00:00")),
    Kind("macaddr8", ("08:00:2b:01:02:03:04:05",)),
    Kind("bit(4)", ("0000", "1010", "1111")),
    Kind("bit varying", ("", "0", "00", "10101010101")),
    Kind("money", ("0", "-1.23", "92233720368547758.07")),
    Kind("oid", ("0", "4294967295")),
    Kind("pg_lsn", ("0/0", "FFFFFFFF/FFFFFFFF")),
    Kind("xid8", ("0", "18446744073709551615")),
    Kind("pg_snapshot", ("10:20:10,14,15",)),
    Kind("jsonpath", ("$", '$."a"[*] ? (@ > 1)')),
    Kind("point", ("(0,0)", "(-0,1e300)", "(NaN,Infinity)")),
    Kind("line", ("{1,-1,0}",)),
    Kind("lseg", ("[(0,0),(1,1)]",)),
    Kind("box", ("(1,1),(0,0)",)),
    Kind("path", ("[(0,0),(1,1)]", "((0,0),(1,1),(2,0))")),
    Kind("polygon", ("((0,0),(1,1),(2,0))",)),
    Kind("circle", ("<(0,0),0>", "<(1,2),3.5>")),
    Kind("tsvector", ("", "'a':1A 'b':2,3", "'it''s'")),
    Kind("tsquery", ("", "'a' & !'b'", "'a' <2> 'b':*A")),
    Kind("int4range", ("empty", "[1,5)", "(,)", "[2,2]", "(,3]")),
    Kind("numrange", ("empty", "[1.0,1.00]", "(,5)", "[NaN,)")),
    Kind("daterange", ("empty", "[2024-01-01,2024-02-01)", "[-infinity,infinity]", "(,)")),
    Kind("tstzrange", ("empty", '["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")', "(,infinity)")),
    Kind("int4multirange", ("{}", "{[1,3),[5,7)}", "{(,)}")),
    Kind("nummultirange", ("{}", "{[1.0,2.00]}")),
    Kind("integer[]", ("{}", "{1,NULL,3}", "{{1,2},{3,4}}", "[0:1]={7,8}", "[-1:0][2:3]={{1,2},{3,4}}"), InJson.ARRAY),
    Kind("text[]", ("{}", '{a,NULL,"NULL",""}', '{"a,b","{","\\"","\\\\"}', "[5:5]={x}", '{" "}'), InJson.ARRAY),
    Kind("numeric[]", ("{}", "{1.0,1.00,NaN}", "{{Infinity}}"), InJson.ARRAY),
    Kind("timestamp with time zone[]", ("{}", "{infinity,2024-01-01 00:00:00+00}"), InJson.ARRAY),
    Kind("bytea[]", ("{}", '{"\\\\x00",NULL}'), InJson.ARRAY),
    Kind("jsonb[]", ("{}", '{"null",NULL,"{\\"a\\": 1}","\\"x\\""}'), InJson.TEXT),
    Kind("json[]", ("{}", '{" 1","{\\"a\\":1}"}'), InJson.TEXT),
    Kind("int4range[]", ("{}", '{"[1,3)",empty}'), InJson.ARRAY),
    Kind("public.mood", ("sad", "ok", "so, so", "it's \"fine\"", "ü")),
    Kind("public.mood[]", ("{}", '{sad,"so, so",NULL,"it\'s \\"fine\\""}', "[0:0]={ok}"), InJson.ARRAY),
    Kind("public.code", tuple(text for text in _TEXT if text != "forbidden")),
    Kind("public.positive", ("1", "2147483647")),
    Kind("public.pair", ("(1,a)", "(,)", '(0,"")', '(-1,"a,""b"" (c)")', "(,NULL)")),
    Kind("public.nest", ("(,,)", '("(1,x)",ok,1.00)', '("(,)","so, so",NaN)')),
    Kind("public.listed", ("(,)", '({},null)', '("{1,NULL}","{""a"": 1}")'), InJson.TEXT),
    Kind("public.pair[]", ("{}", '{"(1,a)",NULL,"(,)"}'), InJson.ARRAY),
    Kind("public.pairs", ("{}", '{"(1,\\"a b\\")"}', '[2:2]={"(,)"}'), InJson.ARRAY),
)  # fmt: skip

BY_TYPE = {kind.type: kind for kind in KINDS}
TEXT, INTEGER, BIGINT, UUID = BY_TYPE["text"], BY_TYPE["integer"], BY_TYPE["bigint"], BY_TYPE["uuid"]
JSON, JSONB = BY_TYPE["json"], BY_TYPE["jsonb"]
KEY_KINDS = tuple(kind for kind in KINDS if kind.is_key)

# What may be cast to what: some always come back, some only some values of them, some hardly any.
CASTS: dict[str, tuple[str, ...]] = {
    "text": (
        "character varying(12)",
        "character varying",
        "public.code",
        "integer",
        "public.mood",
        "uuid",
        "jsonb",
        "json",
        "date",
        "numeric",
        "boolean",
        "name",
        "integer[]",
        "inet",
        "public.pair",
        "text[]",
        "bytea",
    ),
    "character varying(12)": ("text", "character(5)", "character varying"),
    "integer": ("smallint", "bigint", "numeric", "text", "public.positive", "double precision", "boolean"),
    "bigint": ("integer", "smallint", "numeric", "text", "oid"),
    "numeric": ("integer", "bigint", "numeric(10,2)", "double precision", "real", "text", "money"),
    "numeric(10,2)": ("numeric", "integer", "smallint", "numeric(3,-2)"),
    "double precision": ("real", "integer", "numeric", "smallint"),
    "real": ("double precision", "smallint", "numeric"),
    "jsonb": ("json", "text"),
    "json": ("jsonb", "text"),
    "timestamp without time zone": ("date", "timestamp(3) without time zone", "timestamp with time zone"),
    "timestamp with time zone": ("timestamp without time zone", "date"),
    "date": ("timestamp without time zone", "text"),
    "interval": ("time without time zone", "interval day to second"),
    "inet": ("cidr",),
    "public.mood": ("text", "public.fruit"),
    "public.code": ("text", "public.mood"),
    "public.positive": ("integer",),
    "uuid": ("text",),
    "text[]": ("integer[]", "public.mood[]", "numeric[]"),
    "public.pairs": ("public.pair[]",),
    "int4range": ("int4multirange",),
    "bit varying": ("bit(4)",),
    "character(5)": ("text", "character varying(12)"),
    "boolean": ("text", "integer"),
}

FRUIT = Kind("public.fruit", ("sad", "ok", "apple"))


def kind_of(type_name: str) -> Kind:
    """The kind of that type."""
    return FRUIT if type_name == FRUIT.type else BY_TYPE[type_name]


def values(kind: Kind) -> st.SearchStrategy[str]:
    """Awkward ones first; for text also any text that the server can hold."""
    if kind.type in ("text", "character varying", "public.code"):
        anything = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
        return st.one_of(st.sampled_from(kind.texts), anything)
    return st.sampled_from(kind.texts)


def values_or_null(kind: Kind) -> st.SearchStrategy[str | None]:
    """NULL now and then."""
    return st.one_of(st.none(), values(kind), values(kind), values(kind))
