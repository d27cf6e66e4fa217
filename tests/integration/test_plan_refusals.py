"""Each reason why a fold is refused: what is said, and that nothing was touched."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from pipelines.core.findings import errors
from tests.databases import Database
from tests.dump import dump
from tests.planning import plan_of, told

KEPT = "target: t\nsources:\n  - table: s\n"
NEW = f"{KEPT}    key: new\n"
T = "CREATE TABLE t (id int PRIMARY KEY, title text, n int, meta jsonb);"
U = "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, n int, meta jsonb);"
S = "CREATE TABLE s (id int PRIMARY KEY, title text);"


@dataclass(frozen=True, slots=True)
class Case:
    """A schema with rows, a spec, and the errors of its plan."""

    name: str
    schema: str
    attributes: str
    errors: tuple[str, ...]


def columns(*rules: str) -> str:
    return f"{KEPT}    columns:\n" + "".join(f"      {rule}\n" for rule in rules)


SHAPES = [
    Case("missing", T, KEPT, ("5: table public.s does not exist",)),
    Case(
        "view",
        f"{T} CREATE VIEW s AS SELECT 1 AS id, 'a'::text AS title",
        KEPT,
        ("5: public.s is a view, not a table",),
    ),
    Case(
        "partitioned",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, title text) PARTITION BY RANGE (id)",
        KEPT,
        ("5: public.s is partitioned, which is not supported yet for a source",),
    ),
    Case(
        "partition",
        f"{T} CREATE TABLE w (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        " CREATE TABLE s PARTITION OF w FOR VALUES FROM (0) TO (10)",
        KEPT,
        ("5: public.s is a partition of public.w",),
    ),
    Case(
        "inherits",
        f"{T} CREATE TABLE w (id int, title text); CREATE TABLE s (PRIMARY KEY (id)) INHERITS (w)",
        KEPT,
        ("5: public.s inherits from public.w, which is not supported yet",),
    ),
    Case(
        "inherited",
        f"{T}{S} CREATE TABLE w () INHERITS (s)",
        KEPT,
        ("5: public.s is inherited by public.w, which is not supported yet",),
    ),
    Case(
        "unlogged",
        f"{T} CREATE UNLOGGED TABLE s (id int PRIMARY KEY)",
        KEPT,
        ("5: public.s is unlogged: a crash empties it",),
    ),
    Case(
        "no key",
        f"{T} CREATE TABLE s (id int, title text)",
        KEPT,
        ("5: public.s has no primary key and no NOT NULL unique key, so its rows cannot be told apart",),
    ),
    Case(
        "no target key",
        f"CREATE TABLE t (id int, title text); {S}",
        KEPT,
        ("3: public.t has no primary key and no NOT NULL unique key, so its rows cannot be told apart",),
    ),
    Case(
        "several keys",
        f"{T} CREATE TABLE s (id int NOT NULL UNIQUE, title text NOT NULL UNIQUE)",
        KEPT,
        ("5: public.s has no primary key and several NOT NULL unique keys: id; title",),
    ),
    Case(
        "no place",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, notes text, x int)",
        KEPT,
        (
            "5: column 'notes' of public.s has no place in public.t",
            "5: column 'x' of public.s has no place in public.t",
        ),
    ),
    Case(
        "json key taken",
        f"{T} CREATE TABLE s (id int PRIMARY KEY, meta jsonb, a text)",
        columns("a: meta.a"),
        ("5: column 'meta' of public.s would go to meta, where meta.a is written already",),
    ),
]

SURROUNDINGS = [
    Case(
        "dependents",
        f"""{T}{S} CREATE VIEW v AS SELECT * FROM s; CREATE VIEW vv AS SELECT * FROM v;
        CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM s;
        CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM s; END;
        CREATE FUNCTION g() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM s';
        CREATE TABLE o (id int); ALTER TABLE o ENABLE ROW LEVEL SECURITY;
        CREATE POLICY p ON o USING (EXISTS (SELECT FROM s WHERE s.id = o.id));
        CREATE RULE r AS ON INSERT TO o DO ALSO DELETE FROM s WHERE id = NEW.id; CREATE TABLE q (a s);""",
        KEPT,
        (
            "5: column a of public.q has the type of, or draws from a sequence of, public.s",
            "5: function public.f() reads public.s",
            "5: the body of function public.g() names public.s",
            "5: materialized view public.mv reads public.s",
            "5: policy p on public.o reads public.s",
            "5: rule r on public.o reads public.s",
            "5: view public.v reads public.s",
            "5: view public.vv reads public.s",
        ),
    ),
    Case(
        "row security",
        f"{T}{S} ALTER TABLE s ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON s USING (title = current_user)",
        KEPT,
        ("5: public.s has row security, and public.t has none: every row could be seen there",),
    ),
    Case(
        "drop_not_null of a key",
        f"{T}{S}",
        f"{KEPT}drop_not_null: [id]\n",
        ("3: drop_not_null: id of public.t is in the primary key, which is never NULL",),
    ),
    Case(
        "added columns",
        f"CREATE TABLE t (id int PRIMARY KEY, title text); INSERT INTO t VALUES (1), (2); {S}",
        f"{KEPT}add_columns:\n"
        "  a: {type: int, default: 0, not_null: true, check: 'a > 0'}\n"
        "  b: {type: text, default: nofun()}\n"
        "  c: {type: int, check: 'zzz > 1'}\n"
        "  d: {type: nosuch}\n",
        (
            "7: 2 rows of public.t break the check of the new column a: '0' (2)",
            "8: the default of public.t.b is refused by the server: function nofun() does not exist",
            '9: the check of public.t.c is refused by the server: column "zzz" does not exist',
            "10: add_columns: d has type nosuch, which the database does not know",
        ),
    ),
    Case(
        "added NOT NULL without a default",
        f"{T} INSERT INTO t VALUES (1); CREATE TABLE s (id int PRIMARY KEY, a int)",
        f"{KEPT}add_columns: {{a: {{type: int, not_null: true}}}}\n",
        ("6: 1 row of public.t would have no a, which is to be NOT NULL",),
    ),
]

CHILDREN = [
    Case(
        "type blockers",
        f"""{U}{S}
        CREATE TABLE c (id int PRIMARY KEY, s_id int REFERENCES s, x int GENERATED ALWAYS AS (s_id + 1) STORED,
            CHECK (s_id > 0));
        CREATE VIEW v AS SELECT s_id FROM c;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER tr AFTER UPDATE OF s_id ON c FOR EACH ROW EXECUTE FUNCTION f('s');
        CREATE POLICY p ON c USING (s_id > 5); CREATE INDEX i ON c ((s_id + 1));
        CREATE PUBLICATION pub FOR TABLE c WHERE (s_id > 1);""",
        NEW,
        tuple(
            f"5: public.c.s_id changes from integer to uuid, and {what}"
            for what in (
                "the WHERE of publication pub uses it",
                "view public.v uses it",
                "generated column x is computed from it",
                "trigger tr names it in UPDATE OF or WHEN",
                "policy p uses it",
                "CHECK c_s_id_check uses it",
                "an expression or the predicate of index i uses it",
            )
        ),
    ),
    Case(
        "partition key",
        f"{U}{S} CREATE TABLE c (s_id int REFERENCES s) PARTITION BY RANGE (s_id)",
        NEW,
        ("5: public.c.s_id changes from integer to uuid, and it is in the partition key",),
    ),
    Case(
        "grandchild",
        f"{U}{S} CREATE TABLE c (s_id int UNIQUE REFERENCES s); CREATE TABLE g (k int REFERENCES c (s_id))",
        NEW,
        ("-: foreign key g_k_fkey of public.g references public.c.s_id, whose values change",),
    ),
    Case(
        "composite key",
        f"{U} CREATE TABLE s (a int, b int, title text, PRIMARY KEY (a, b));"
        " CREATE TABLE c (a int, b int, FOREIGN KEY (a, b) REFERENCES s)",
        NEW,
        ("5: public.c references a, b of public.s, and a new key of one column cannot take their place",),
    ),
    Case(
        "no unique key",
        "CREATE TABLE t (id int PRIMARY KEY, code text); CREATE TABLE s (id int PRIMARY KEY, code text UNIQUE);"
        " CREATE TABLE c (code text REFERENCES s (code))",
        KEPT,
        ("5: public.c would reference public.t (code), which is no unique key there",),
    ),
    Case(
        "set null",
        f"{U}{S} CREATE TABLE c (s_id int NOT NULL REFERENCES s, t_id uuid NOT NULL REFERENCES t)",
        f"{NEW}foreign_keys:\n  - {{table: c, columns: [s_id], on_delete: set null}}\n"
        "  - {table: c, columns: [t_id], on_delete: set null}\n",
        (
            "8: SET NULL for public.c.s_id can never work: the column is NOT NULL",
            "9: SET NULL for public.c.t_id can never work: the column is NOT NULL",
        ),
    ),
    Case(
        "rules about keys that are not there",
        f"{U}{S} CREATE TABLE c (s_id int REFERENCES s, x int)",
        f"{NEW}foreign_keys:\n  - {{table: c, columns: [x], on_delete: cascade}}\n"
        "  - {table: nowhere, columns: [x], on_delete: cascade}\n  - {table: s, columns: [id], on_delete: cascade}\n",
        (
            "8: foreign_keys: public.c (x) is no foreign key to the target or a source",
            "9: table public.nowhere does not exist",
            "10: foreign_keys: public.s (id) is a key of a source, and leaves with it",
        ),
    ),
    Case(
        "orphans",
        f"{U}{S} CREATE TABLE c (s_id int); INSERT INTO c VALUES (8), (8), (9), (NULL);"
        " ALTER TABLE c ADD FOREIGN KEY (s_id) REFERENCES s NOT VALID",
        NEW,
        ("5: 3 values of s_id of public.c have no row in public.s: '8' (2), '9' (1)",),
    ),
    Case(
        "orphans of a declared key",
        f"{U}{S} CREATE TABLE c (owner int); INSERT INTO c VALUES (8); ",
        f"{NEW}foreign_keys:\n  - {{table: c, columns: [owner], references: s}}\n",
        ("8: 1 value of owner of public.c has no row in public.s: '8' (1)",),
    ),
    Case(
        "dangling reference within the fold",
        f"{U} CREATE TABLE s (id int PRIMARY KEY, n int); INSERT INTO s VALUES (1, NULL), (2, 1), (3, 7);"
        " ALTER TABLE s ADD FOREIGN KEY (n) REFERENCES s NOT VALID",
        f"{NEW}    columns: {{n: meta.parent}}\n",
        ("5: 1 value of n of public.s has no row in public.s: '7' (1)",),
    ),
    Case(
        "literals",
        f"CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, title text); {S}"
        " CREATE TABLE c (id int, s_id int REFERENCES s, CHECK (s_id <> 4));"
        " CREATE UNIQUE INDEX j ON c (id) WHERE s_id = 3; CREATE INDEX ok ON c (id) WHERE s_id IS NOT NULL",
        NEW,
        (
            "5: the values of public.c.s_id change, and CHECK c_s_id_check of public.c may hold some:"
            " CHECK ((s_id <> 4))",
            "5: the values of public.c.s_id change, and index j of public.c may hold some:"
            " CREATE UNIQUE INDEX j ON public.c USING btree (id) WHERE (s_id = 3)",
        ),
    ),
    Case(
        "the target is a child and written to",
        f"{S} CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, n int REFERENCES s);"
        " CREATE TABLE s2 (id int PRIMARY KEY, n int)",
        f"{NEW}  - {{table: s2, key: new}}\n",
        ("5: public.t references public.s, whose keys change, and sources write to that column",),
    ),
]

EXPRESSIONS = [
    Case(
        "no cast",
        "CREATE TABLE t (id int PRIMARY KEY, a uuid); CREATE TABLE s (id int PRIMARY KEY, a int[])",
        KEPT,
        ("5: the mapping of public.s.a is refused by the server: cannot cast type integer[] to uuid",),
    ),
    Case(
        "unknown function and syntax error",
        f"{T}{S}",
        columns("title: {to: title, forward: 'nofun({title})', inverse: '{title} +'}"),
        (
            "7: the forward of public.s.title is refused by the server: function nofun(text) does not exist",
            '7: the inverse of public.s.title is refused by the server: syntax error at or near ")"',
        ),
    ),
    Case(
        "volatile",
        f"{T}{S}",
        columns("title: {to: title, forward: '{title} || random()', inverse: '{title}'}"),
        ("7: the forward of public.s.title calls random(), which gives another value each time",),
    ),
    Case(
        "aggregate",
        f"{T}{S}",
        columns("title: {to: title, forward: 'max({title})', inverse: '{title}'}"),
        ("7: the forward of public.s.title calls an aggregate: it must give one value for each row",),
    ),
    Case(
        "unknown column in an expression",
        f"{T}{S}",
        columns("title: {to: title, forward: '{titel}', inverse: '{title}'}"),
        ("7: forward reads {titel}, but public.s has no column 'titel'",),
    ),
]

ALL = [*SHAPES, *SURROUNDINGS, *CHILDREN, *EXPRESSIONS]


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_a_refusal_names_the_reason_and_touches_nothing(case: Case, database: Database) -> None:
    database.run(case.schema)
    before = dump(database, with_own=True)
    plan = plan_of(database, case.attributes)
    assert told(plan) == list(case.errors)
    assert plan.refused
    assert plan.steps == ()
    assert dump(database, with_own=True) == before


@pytest.mark.parametrize(
    ("name", "accepted"),
    [("dependents", "function_bodies"), ("row security", "wider_access"), ("literals", "literal_keys")],
)
def test_a_risk_that_the_spec_accepts_is_a_warning(name: str, accepted: str, database: Database) -> None:
    case = next(case for case in ALL if case.name == name)
    database.run(case.schema)
    plan = plan_of(database, f"{case.attributes}accept: [{accepted}]\n")
    rule = {"function_bodies": "function_body"}.get(accepted, accepted)
    assert [f.severity.value for f in plan.findings if f.rule == rule] == ["warning"] * (2 if name == "literals" else 1)


def remedies(database: Database, attributes: str) -> list[str]:
    return [finding.remedy for finding in errors(plan_of(database, attributes).findings)]


@pytest.mark.parametrize("name", ["pg_catalog.pg_class", "pg_catalog.pg_tables", "information_schema.sql_features"])
def test_a_table_of_the_server_is_one_finding(database: Database, name: str) -> None:
    database.run(T)
    assert told(plan_of(database, KEPT.replace("table: s", f"table: {name}"))) == [f"5: {name} belongs to the server"]
    database.run(S)
    as_target = KEPT.replace("target: t", f"target: {name}")
    assert told(plan_of(database, as_target)) == [f"3: {name} belongs to the server"]


def test_what_no_cast_takes_to_json_may_go_below_the_column(database: Database) -> None:
    database.run(f"{T} CREATE TABLE s (id int PRIMARY KEY, news boolean)")
    assert remedies(database, columns("news: meta")) == ["put it below that column: news: meta.news"]


def test_a_new_key_that_cannot_reach_its_children_is_told_with_what_can_be_done(database: Database) -> None:
    database.run(f"""{U} CREATE TABLE s (a int, b int, title text, PRIMARY KEY (a, b));
        CREATE TABLE c (id int PRIMARY KEY, a int, b int, FOREIGN KEY (a, b) REFERENCES s)""")
    (remedy,) = remedies(database, NEW)
    assert "let public.c reference one unique column of public.s" in remedy


def test_a_shared_child_column_is_told_that_keeping_the_key_avoids_it(database: Database) -> None:
    database.run(f"""{U} {S} CREATE TABLE p (id int PRIMARY KEY);
        CREATE TABLE c (id int PRIMARY KEY, s int REFERENCES s, FOREIGN KEY (s) REFERENCES p)""")
    assert any("key: keep" in remedy for remedy in remedies(database, NEW))
