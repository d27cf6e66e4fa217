"""What is read of an awkward schema is what is there, on every supported version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self

import psycopg
import pytest

from pipelines.core.errors import LockNotAvailable, Transient
from pipelines.core.schema import (
    Action,
    Constraint,
    ConstraintKind,
    Grant,
    OwnedSequence,
    Schema,
    Table,
    TableKind,
    TableName,
)
from pipelines.database.introspection import read_schema
from tests.databases import Database, Templates

SCRIPT = (Path(__file__).parent / "introspection.sql").read_text(encoding="utf-8")
BIG = TableName("Odd.Schema", 'Big "Table"')


def public(name: str) -> TableName:
    return TableName("public", name)


def read(database: Database, *names: TableName) -> Schema:
    with database.connect() as connection:
        return read_schema(connection, names)


@pytest.fixture(scope="module")
def awkward(templates_of_each_version: Templates) -> Iterator[Database]:
    """The awkward schema on each version, only to be read."""
    with templates_of_each_version.clone(SCRIPT) as made:
        yield made


@pytest.fixture
def scratch(templates_of_each_version: Templates) -> Iterator[Database]:
    """The same, to be changed."""
    with templates_of_each_version.clone(SCRIPT) as made:
        yield made


@pytest.fixture(scope="module")
def big(awkward: Database) -> Table:
    """Its table with everything on it."""
    return read(awkward, BIG)[BIG]


def by_name(table: Table) -> dict[str, Constraint]:
    return {constraint.name: constraint for constraint in table.constraints}


def test_columns_keep_their_order_without_the_dropped_ones(big: Table) -> None:
    assert [(c.name, c.position) for c in big.columns[:3]] == [("Id.Key", 1), ("code", 3), ("title", 4)]
    assert [c.name for c in big.columns if c.not_null] == ["Id.Key", "code", "title"]
    assert big["order"].comment == "its place"
    assert big["title"].collation == 'pg_catalog."C"'
    assert big["mood"].collation is None


def test_defaults_tell_whether_each_row_gets_another_value(big: Table) -> None:
    assert big["title"].default == "'a b'::character varying"
    assert big["code"].default == 'nextval(\'"Odd.Schema"."Big ""Table""_code_seq"\'::regclass)'
    volatile = {column.name for column in big.columns if column.default_is_volatile}
    assert volatile == {"code", "token"}  # now() and CURRENT_TIMESTAMP are stable
    assert big["place"].default is None


def test_identity_and_generated_columns(big: Table) -> None:
    assert big["Id.Key"].identity == "d"
    assert big["Id.Key"].sequence == TableName("Odd.Schema", 'Big "Table"_Id.Key_seq')
    length = big["title_length"]
    assert length.generated
    assert not length.virtual
    assert length.default is None
    assert length.generation == "(length((title)::text) + code)"
    assert length.generated_from == ("code", "title")


def test_sequences_say_where_they_stand_used_or_not(scratch: Database) -> None:
    scratch.run('INSERT INTO "Odd.Schema"."Big ""Table""" (title) VALUES ($$one$$), ($$two$$)')
    identity, serial = read(scratch, BIG)[BIG].sequences
    assert identity == OwnedSequence(TableName("Odd.Schema", 'Big "Table"_Id.Key_seq'), "Id.Key", True, 12, True, 5)
    assert (serial.column, serial.identity, serial.last_value, serial.is_called) == ("code", False, 2, True)
    scratch.run('SELECT setval($$"Odd.Schema"."Big ""Table""_code_seq"$$, 40, false)')
    assert read(scratch, BIG)[BIG].sequences[1].last_value == 40
    assert not read(scratch, BIG)[BIG].sequences[1].is_called


def test_a_default_names_its_sequence_owned_or_not(awkward: Database) -> None:
    draws = read(awkward, public("draws"))[public("draws")]
    assert draws["id"].sequence == TableName("other", "shared")
    assert draws["n"].sequence == public("draws_n_seq")
    assert [(s.name, s.column, s.owned) for s in draws.sequences] == [
        (TableName("other", "shared"), "id", False),
        (public("draws_n_seq"), "n", True),
    ]


def test_constraints_of_every_kind(big: Table) -> None:
    found = by_name(big)
    assert found['the "Check"'].expression == "((\"order\" > 0) OR ((title)::text <> 'x''y'::text))"
    assert set(found['the "Check"'].columns) == {"order", "title"}
    assert not found["not_yet"].validated
    assert found["nulls_are_one"].definition == "UNIQUE NULLS NOT DISTINCT (mood, code)"
    assert (found["late_unique"].deferrable, found["late_unique"].deferred) == (True, True)
    exclusion = found["no_overlap"]
    assert exclusion.kind is ConstraintKind.EXCLUSION
    assert exclusion.columns == ("period",)
    assert exclusion.operators == ("pg_catalog.&&", "pg_catalog.=")
    assert exclusion.comment == "one at a time"
    assert all(constraint.enforced and not constraint.inherited for constraint in big.constraints)
    assert big.primary_key == ("Id.Key",)
    assert big.not_null_unique_keys == (("Id.Key",), ("code",))


def test_indexes_with_their_keys_as_sql(big: Table) -> None:
    indexes = {index.name: index for index in big.indexes}
    part = indexes["Part Index"]
    assert part.keys == ("lower((title)::text)", '"order"')
    assert part.columns == (None, "order")
    assert part.predicate == '(("order" > 5) AND (seen IS NOT NULL))'
    assert part.expression_columns == ("order", "seen", "title")
    assert (part.unique, part.primary, part.constraint, part.comment) == (True, False, None, "by title")
    assert indexes["nulls_are_one"].nulls_not_distinct
    assert indexes["late_unique"].immediate is False
    assert indexes["late_unique"].constraint == "late_unique"
    assert indexes['Big "Table"_pkey'].primary
    assert indexes["no_overlap"].keys == ("period", 'int4range("order", ("order" + 1))')
    assert [index.name for index in big.indexes if index.replica_identity] == ["by_code"]
    assert big.replica_identity == "i"


def test_an_index_that_failed_to_build_is_not_valid(scratch: Database) -> None:
    scratch.run("INSERT INTO public.parent VALUES (1, 'x', 1), (2, 'x', 2)")
    with scratch.connect() as connection, pytest.raises(Exception, match="could not create unique index"):
        connection.execute("CREATE UNIQUE INDEX CONCURRENTLY half ON public.parent (b)")
    parent = read(scratch, public("parent"))[public("parent")]
    assert {index.name: index.valid for index in parent.indexes}["half"] is False
    assert ("b",) not in parent.not_null_unique_keys


def test_triggers_disabled_ones_too(big: Table) -> None:
    found = {trigger.name: trigger for trigger in big.triggers}
    assert {name: trigger.enabled for name, trigger in found.items()} == {"a trigger": "O", "always": "A", "never": "D"}
    assert found["a trigger"].columns == ("code", "title")
    assert found["a trigger"].function == "other.stamp"
    assert ' BEFORE UPDATE OF title ON "Odd.Schema".' in found["a trigger"].definition
    assert found["never"].comment == "off"


def test_policies_and_rules(big: Table) -> None:
    see, own = big.policies
    assert (see.name, see.command, see.permissive, see.roles, see.check) == ("see", "r", True, ("public",), None)
    assert see.columns == ("title",)
    assert (own.name, own.command, own.permissive, own.roles) == ("see own", "w", False, ("Reader, odd",))
    assert (own.using, own.check) == ("(code > 0)", "((title)::text <> ''::text)")
    assert (big.row_security, big.force_row_security) == (True, True)
    [rule] = big.rules
    assert rule.startswith("CREATE RULE quiet AS\n    ON DELETE TO")


def test_grants_on_the_table_and_on_columns(big: Table) -> None:
    granted = [grant for grant in big.grants if grant.grantee != "postgres"]
    assert granted == [
        Grant("Reader, odd", "SELECT", grantable=True),
        Grant("public", "INSERT"),
        Grant("Reader, odd", "UPDATE", column="order"),
        Grant("Reader, odd", "UPDATE", column="title"),
    ]
    assert Grant("postgres", "TRUNCATE") in big.grants
    assert big.owner == "postgres"


def test_rights_by_default_are_named_like_granted_ones(awkward: Database) -> None:
    table = read(awkward, public("parent"))[public("parent")]
    assert {grant.grantee for grant in table.grants} == {"postgres"}
    assert Grant("postgres", "SELECT") in table.grants


def test_publications_by_table_by_schema_and_of_all(scratch: Database) -> None:
    assert read(scratch, BIG)[BIG].publications == ("Some Columns", "everything", "whole_schema")
    assert read(scratch, public("cat"))[public("cat")].publications == ()  # unlogged
    scratch.run("CREATE PUBLICATION by_root FOR TABLE public.ring")
    assert read(scratch, public("ring_low"))[public("ring_low")].publications == ("by_root", "everything")


def test_names_of_63_bytes_and_with_dots(awkward: Database) -> None:
    name = public("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg")
    table = read(awkward, name)[name]
    assert table.primary_key == ("äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüx",)
    assert table.columns[1].name == "a.b"


def test_a_table_that_is_not_there_is_absent(awkward: Database) -> None:
    schema = read(awkward, public("none"), TableName("none", "parent"), public("PARENT"))
    assert schema.tables == {}
    assert schema.table(public("none")) is None
    assert schema.server.database == awkward.name


def test_foreign_keys_keep_the_order_of_their_columns(awkward: Database) -> None:
    source = read(awkward, public("source"))[public("source")]
    key = by_name(source)["to_parent"]
    assert (key.columns, key.references, key.references_columns) == (("pa", "pb"), public("parent"), ("a", "b"))
    assert (key.on_delete, key.on_update, key.match_full) == (Action.RESTRICT, Action.NO_ACTION, True)
    assert (key.deferrable, key.deferred, key.comment) == (True, True, "upwards")
    assert key.definition.startswith("FOREIGN KEY (pa, pb) REFERENCES public.parent(a, b) MATCH FULL")
    assert not by_name(source)["to_c"].validated
    itself = by_name(source)["to_itself"]
    assert (itself.on_delete, itself.on_update) == (Action.SET_NULL, Action.CASCADE)


def test_children_and_parents_are_read_whole_and_partitions_of_a_child_left_out(awkward: Database) -> None:
    schema = read(awkward, public("source"))
    assert set(schema.tables) == {public("source"), public("parent"), public("parted"), TableName("other", "Child")}
    inbound = [(str(key.table), key.name, key.inherited) for key in schema.inbound_of(public("source"))]
    assert inbound == [
        ('other."Child"', "one", False),
        ('other."Child"', "two", False),
        ("public.parted", "parted_source_id_fkey", False),
        ("public.source", "to_itself", False),
    ]
    two = schema.inbound_of(public("source"))[1]
    assert (two.columns, two.references_columns, two.on_delete_columns) == (("x", "k"), ("id", "pa"), ("x",))
    assert two.on_delete is Action.SET_DEFAULT
    parted = schema[public("parted")]
    assert (parted.kind, parted.inherited_by) == (TableKind.PARTITIONED, (public("parted_1"), public("parted_2")))
    assert parted.partition_key == ("day", "id")
    assert [trigger.name for trigger in parted.triggers] == ["on_parted"]


def test_a_partition_says_what_it_has_from_its_root(awkward: Database) -> None:
    part = read(awkward, public("parted_2"))[public("parted_2")]
    assert (part.partition_of, part.inherits) == (public("parted"), ())
    assert [(key.name, key.inherited) for key in part.foreign_keys] == [("parted_source_id_fkey", True)]
    assert [trigger.inherited for trigger in part.triggers] == [True]


def test_a_key_to_a_partitioned_table_counts_once(awkward: Database) -> None:
    schema = read(awkward, public("ring"), public("bead"), public("chain"))
    assert [(key.name, key.references) for key in schema.inbound_of(public("ring"))] == [
        ("bead_ring", public("ring")),
        ("chain_ring", public("ring")),
    ]
    assert [key.references for key in schema[public("bead")].foreign_keys] == [public("ring")]
    assert [key.references for key in schema[public("chain")].foreign_keys] == [public("ring")]


def test_a_referenced_partition_shows_the_keys_made_for_its_root_as_inherited(awkward: Database) -> None:
    schema = read(awkward, public("ring_low"))
    inbound = schema.inbound_of(public("ring_low"))
    assert [(str(key.table), key.inherited) for key in inbound] == [("public.bead", True), ("public.chain", True)]
    assert schema[public("bead")].foreign_keys[0].references == public("ring")
    checks = [key for key in schema[public("ring_low")].constraints if key.kind is ConstraintKind.CHECK]
    assert [key.inherited for key in checks] == [True]


def test_inheritance_and_persistence(awkward: Database) -> None:
    schema = read(awkward, public("cat"), public("animal"))
    cat = schema[public("cat")]
    assert (cat.inherits, cat.partition_of, cat.persistence) == ((public("animal"),), None, "u")
    assert schema[public("animal")].inherited_by == (public("cat"),)
    assert [check.inherited for check in cat.constraints] == [True]


def test_other_relations_say_what_they_are(scratch: Database) -> None:
    scratch.run("CREATE VIEW seen AS SELECT 1 AS x; CREATE MATERIALIZED VIEW kept AS SELECT 1 AS x")
    schema = read(scratch, public("seen"), public("kept"), TableName("other", "shared"))
    assert {str(name): table.kind for name, table in schema.tables.items()} == {
        "public.seen": TableKind.VIEW,
        "public.kept": TableKind.MATERIALIZED_VIEW,
        "other.shared": TableKind.OTHER,
    }


def test_rows_are_estimated_before_and_after_analyze(scratch: Database) -> None:
    scratch.run("INSERT INTO public.source SELECT n FROM generate_series(1, 5000) AS n")
    scratch.run("INSERT INTO public.parted SELECT n, DATE '2020-01-01' + n, n FROM generate_series(1, 3000) AS n")
    scratch.run("ANALYZE public.source, public.parted_1, public.parted_2")
    tables = read(scratch, public("source"), public("animal")).tables
    assert tables[public("source")].estimated_rows == 5000
    assert tables[public("parted")].estimated_rows == 3000
    assert tables[public("source")].size_bytes > 5000 * 30
    assert tables[public("parted")].size_bytes > 3000 * 30
    assert tables[public("animal")].estimated_rows == 0


class CountingCursor(psycopg.Cursor[tuple[object, ...]]):
    """Counts what it sends, for all cursors together."""

    sent: ClassVar[int] = 0

    def execute(self, *arguments: Any, **options: Any) -> Self:
        CountingCursor.sent += 1
        return super().execute(*arguments, **options)


def test_ten_tables_take_as_many_statements_as_one(awkward: Database) -> None:
    names = [BIG, *map(public, ("source", "parent", "parted", "ring", "bead", "chain", "cat", "animal", "draws"))]
    with awkward.connect() as connection:
        connection.cursor_factory = CountingCursor
        counts = []
        for wanted in ([BIG], names):
            before = CountingCursor.sent
            assert set(wanted) <= set(read_schema(connection, wanted).tables)
            counts.append(CountingCursor.sent - before)
    assert counts[0] == counts[1]
    assert counts[0] < 25


def test_settings_and_transaction_are_afterwards_as_they_were(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("SET search_path = pg_catalog, public; SET TimeZone = 'Asia/Tokyo'")
        read_schema(connection, [public("x")])
        assert not connection.pgconn.transaction_status
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL TimeZone = 'Asia/Seoul'")
        read_schema(connection, [public("x")])
        assert connection.execute("SHOW TimeZone").fetchone() == ("Asia/Seoul",)
        connection.execute("COMMIT")
        assert connection.execute("SHOW TimeZone").fetchone() == ("Asia/Tokyo",)
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog, public",)


def test_texts_do_not_depend_on_the_session(new_database: Callable[..., Database]) -> None:
    database = new_database(
        "CREATE TABLE t (at timestamptz DEFAULT '2024-05-01 12:00+00', every interval DEFAULT '36h')"
    )
    with database.connect() as plain, database.connect() as odd:
        odd.execute("SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = iso_8601")
        odd.execute("SET quote_all_identifiers = on; SET search_path = public")
        assert read_schema(plain, [public("t")]) == read_schema(odd, [public("t")])


def test_the_callers_own_uncommitted_changes_are_seen(database: Database) -> None:
    with database.connect() as connection, connection.transaction():
        connection.execute("CREATE TABLE public.fresh (id integer PRIMARY KEY)")
        assert read_schema(connection, [public("fresh")])[public("fresh")].primary_key == ("id",)


def test_one_snapshot_does_not_see_what_comes_later(new_database: Callable[..., Database]) -> None:
    database = new_database("CREATE TABLE t (id integer)")
    with database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1 FROM pg_class LIMIT 1")
        database.run("CREATE TABLE later (id integer)")
        assert set(read_schema(connection, [public("t"), public("later")]).tables) == {public("t")}


def test_a_definition_that_another_session_removes_meanwhile_is_named(new_database: Callable[..., Database]) -> None:
    database = new_database("CREATE TABLE t (id integer); CREATE INDEX short_lived ON t (id)")
    with database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT 1 FROM pg_class LIMIT 1")
        database.run("DROP INDEX short_lived")
        with pytest.raises(Transient, match=r"another session changed the tables .* short_lived .* run it again"):
            read_schema(connection, [public("t")])


def test_a_table_that_is_held_exclusively_is_not_waited_for_without_end(new_database: Callable[..., Database]) -> None:
    database = new_database("CREATE TABLE t (id integer)")
    with database.connect() as holder, database.connect() as reader, holder.transaction():
        holder.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        reader.execute("SET lock_timeout = '20ms'")
        with pytest.raises(LockNotAvailable, match="ACCESS EXCLUSIVE"):
            read_schema(reader, [public("t")])
