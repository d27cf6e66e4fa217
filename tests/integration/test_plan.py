"""The plan as a whole: the first users' folds, what surrounds a fold, the hash, and that nothing changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from time import monotonic, sleep

import pytest

from pipelines.core.errors import ConnectionLost
from pipelines.core.findings import Severity
from pipelines.core.fold import ChildChange
from pipelines.core.plan import Role
from pipelines.core.plan_document import plan_json
from pipelines.core.spec_file import parse_spec
from pipelines.database.connection import Connection
from pipelines.steps.plan import make_plan
from tests.databases import Database
from tests.dump import dump
from tests.planning import first_plan, plan_of, spec_of, told

KEPT = "target: t\nsources:\n  - table: s\n"
NEW = f"{KEPT}    key: new\n"
S = "CREATE TABLE s (id int PRIMARY KEY, title text);"
U = "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, n int, meta jsonb);"


def test_the_three_issue_tables_can_be_folded(sample_database: Database) -> None:
    before = dump(sample_database, with_own=True)
    plan = first_plan(sample_database, "issues")
    assert told(plan) == []
    assert [(proof.rows, proof.differing) for proof in plan.proofs] == [(14, 0), (1, 0)]
    assert [(str(t.table), t.role, t.rows, t.counted) for t in plan.tables] == [
        ("public.exai_issues", Role.TARGET, 11, True),
        ("public.exai_issues_tracker", Role.SOURCE, 14, True),
        ("public.issues", Role.SOURCE, 1, True),
        ("public.issue_occurrences", Role.CHILD, 3, True),
        ("public.exai_issue_updates", Role.CHILD, 12, True),
    ]
    (child,) = plan.children
    assert (str(child.table), child.change, child.type_before, child.type_after, child.rows) == (
        "public.issue_occurrences",
        ChildChange.TYPE,
        "bigint",
        "uuid",
        3,
    )
    assert {str(lock.table) for lock in plan.locks if lock.step == "cut_over"} >= {
        "public.exai_issues", "public.exai_issues_tracker", "public.issues", "public.issue_occurrences",
        "public.test_runs",
    }  # fmt: skip
    assert plan.mapping_facts.target_rows_after == 26
    assert [name for name, statements in plan.steps if statements] == [
        "add_columns",
        "map_fields",
        "verify",
        "cut_over",
    ]
    assert dump(sample_database, with_own=True) == before


def test_the_empty_file_table_can_be_folded(sample_database: Database) -> None:
    plan = first_plan(sample_database, "files")
    assert told(plan) == []
    assert plan.rows == 0
    sample_database.run(
        "INSERT INTO file_metadata (original_filename, file_size, mime_type, supabase_storage_path, local_cache_path,"
        " file_hash) VALUES ('a', 1, 'b', 'c', 'd', 'e')"
    )
    refused = ["12: 1 row of public.file_metadata is there, and the spec expects none"]
    assert told(first_plan(sample_database, "files")) == refused
    assert told(first_plan(sample_database, "files", quick=True)) == refused


def test_a_quick_plan_reads_no_rows_and_has_the_same_hash(sample_database: Database) -> None:
    whole, quick = first_plan(sample_database, "issues"), first_plan(sample_database, "issues", quick=True)
    assert quick.hash == whole.hash
    assert quick.proofs == ()
    assert not any(facts.counted for facts in quick.tables)
    assert [s.text() for _, statements in quick.steps for s in statements] == [
        s.text() for _, statements in whole.steps for s in statements
    ]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("INSERT INTO s VALUES (2, 'b'); ANALYZE", True),
        ("SELECT nextval('k')", True),
        ("ALTER TABLE t ADD COLUMN z int", False),
        ("ALTER TABLE s ADD CHECK (id > 0)", False),
        ("CREATE OR REPLACE FUNCTION f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1 || $1'", False),
        ("CREATE TABLE c (s_id int REFERENCES s)", False),
        ("GRANT SELECT ON t TO public", False),
    ],
    ids=["rows", "sequence", "target column", "constraint", "function", "child", "grant"],
)
def test_the_hash_changes_with_what_an_approval_is_about(change: str, same: bool, database: Database) -> None:
    database.run(
        "CREATE TABLE t (id int PRIMARY KEY, title text); CREATE SEQUENCE k; CREATE TABLE s (id int PRIMARY KEY,"
        " title text); ALTER SEQUENCE k OWNED BY s.id; INSERT INTO s VALUES (1, 'a');"
        " CREATE FUNCTION f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'"
    )
    attributes = (
        f"{KEPT}    columns:\n      title: {{to: title, forward: 'public.f({{title}})', inverse: '{{title}}'}}\n"
    )
    before = plan_of(database, attributes)
    database.run(change)
    assert (plan_of(database, attributes).hash == before.hash) is same
    assert plan_of(database, attributes + "description: another\n").hash != before.hash


def test_the_hash_does_not_depend_on_the_database_it_was_made_in(new_database: Callable[..., Database]) -> None:
    script = "CREATE TYPE public.mood AS ENUM ('ok'); CREATE TABLE public.t (id int PRIMARY KEY, title text);"
    plain = new_database(f"{script} CREATE TABLE public.s (id int PRIMARY KEY, title public.mood);")
    later = new_database(
        f"CREATE TABLE public.x (id int); {script} CREATE TABLE public.s (id int PRIMARY KEY, title public.mood);"
    )
    assert plan_of(plain, KEPT).hash == plan_of(later, KEPT).hash


def test_the_document_says_all_of_it(sample_database: Database) -> None:
    plan = first_plan(sample_database, "issues")
    document = json.loads(plan_json(plan))
    assert document["hash"] == plan.hash
    assert document["refused"] is False
    assert document["rows"] == 15
    assert [proof["equal"] for proof in document["proofs"]] == [14, 1]
    assert len(document["findings"]) == len(plan.findings)
    columns = {(c["source"], c["column"]): (c["place"], c["kind"]) for c in document["columns"]}
    assert columns["public.exai_issues_tracker", "diagnostic_approach"] == (["metadata", "diagnostic_approach"], "path")
    assert columns["public.issues", "id"] == (None, "new-key")
    assert {step["step"] for step in document["steps"]} == {"add_columns", "map_fields", "verify", "cut_over"}
    assert all(s["sql"] and s["purpose"] for step in document["steps"] for s in step["statements"])
    assert document["children"][0]["type_after"] == "uuid"


def test_a_plan_without_a_lens_is_a_document_too(database: Database) -> None:
    plan = plan_of(database, KEPT)
    document = json.loads(plan_json(plan))
    assert (document["refused"], document["columns"], document["steps"]) == (True, [], [])
    assert len(plan.hash) == 64


def test_columns_and_arrays_that_seem_to_hold_keys_are_told(database: Database) -> None:
    database.run(
        f"{U} CREATE TABLE issues (id int PRIMARY KEY, title text); CREATE TABLE x (related_issues int[], issue_id int,"
        " issues_id bigint, ISSUE_ID2 int); CREATE TABLE held (issue_id int REFERENCES issues)"
    )
    changed = plan_of(database, "target: t\nsources:\n  - {table: issues, key: new}\n")
    assert [m for m in told(changed, Severity.WARNING) if "seems to hold" in m] == [
        "-: column public.x.issue_id seems to hold keys of public.issues, and no foreign key says so:"
        " they would stay the old ones",
        "-: array public.x.related_issues (integer[]) seems to hold keys of public.issues, and no foreign key says so:"
        " they would stay the old ones",
    ]
    declared = plan_of(
        database,
        "target: t\nsources:\n  - {table: issues, key: new}\n"
        "foreign_keys:\n  - {table: x, columns: [issue_id], references: issues}\n",
    )
    assert [f.object for f in declared.findings if f.rule == "likely_key"] == ["public.x.related_issues"]


def test_keys_that_stay_are_only_noted(database: Database) -> None:
    database.run(f"CREATE TABLE t (id int PRIMARY KEY, title text); {S} CREATE TABLE c (s_id int)")
    plan = plan_of(database, KEPT)
    assert [(f.severity, f.object) for f in plan.findings if f.rule == "likely_key"] == [
        (Severity.NOTE, "public.c.s_id")
    ]


def test_publications_and_triggers_are_told(database: Database) -> None:
    database.run(
        f"{U}{S} CREATE PUBLICATION p1 FOR TABLE s; CREATE PUBLICATION p2 FOR TABLE t;"
        " CREATE PUBLICATION p3 FOR ALL TABLES;"
        " CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        " CREATE TRIGGER mine AFTER UPDATE ON s FOR EACH ROW EXECUTE FUNCTION f();"
        " CREATE TRIGGER theirs AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()"
    )
    plan = plan_of(database, NEW)
    assert told(plan) == []
    assert told(plan, Severity.WARNING) == [
        "5: trigger mine of public.s is not carried to public.t",
        "5: publication p1 ships public.s: from the cut-over its subscribers get nothing more of it",
        "5: publication p3 ships public.s: from the cut-over its subscribers get nothing more of it",
        "-: publication p2 ships public.t: its subscribers get every folded row as an insert",
        "-: publication p3 ships public.t: its subscribers get every folded row as an insert",
        "-: publication p3 ships all tables, pgfold's own too: a subscriber that lacks them stops",
    ]
    assert "-: triggers of public.t do not fire for the rows that are folded in: theirs" in told(plan, Severity.NOTE)


def test_a_partitioned_child_can_be_repointed(database: Database) -> None:
    database.run(
        f"{U}{S} CREATE TABLE c (id int, s_id int REFERENCES s, PRIMARY KEY (id)) PARTITION BY RANGE (id);"
        " CREATE TABLE c1 PARTITION OF c FOR VALUES FROM (0) TO (10);"
        " INSERT INTO s VALUES (1); INSERT INTO c VALUES (1, 1)"
    )
    plan = plan_of(database, NEW)
    assert told(plan) == []
    assert [(str(child.table), child.rows) for child in plan.children] == [("public.c", 1)]


def test_a_key_of_two_sources_that_lands_on_one_place_is_made_once(database: Database) -> None:
    database.run(
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, p_id int);"
        " CREATE TABLE s (id int PRIMARY KEY, p_id int REFERENCES p);"
        " CREATE TABLE s2 (id int PRIMARY KEY, p_id int REFERENCES p)"
    )
    plan = plan_of(database, f"{KEPT}  - table: s2\n")
    assert told(plan) == []
    assert plan.fold is not None
    assert [key.remade for key in plan.fold.outbound] == [("p_id",), ()]


def test_a_volatile_default_is_told_only_of_a_column_that_is_new(database: Database) -> None:
    database.run(f"{U} ALTER TABLE t ADD old uuid; {S}")
    added = (
        "add_columns:\n  old: {type: uuid, default: gen_random_uuid()}\n  k: {type: uuid, default: gen_random_uuid()}\n"
    )
    plan = plan_of(database, f"{NEW}{added}")
    assert told(plan) == []
    assert [(f.object, f.severity) for f in plan.findings if f.rule == "volatile"] == [("public.t.k", Severity.NOTE)]


def test_a_role_without_rights_is_told_each_grant(database: Database) -> None:
    role = f"poor_{database.name}"
    database.run(f"{U}{S} CREATE ROLE {role} LOGIN; GRANT SELECT ON t, s TO {role}")
    try:
        with closing(database.connect_as_pgfold()) as connection:
            connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
            plan = make_plan(connection, parse_spec("things", spec_of(NEW), "defs.yaml"))
        grants = [f.remedy for f in plan.findings if f.rule == "privilege"]
        assert f'run GRANT SET ON PARAMETER session_replication_role TO "{role}";' in grants
        assert f"run GRANT CREATE ON DATABASE {database.name} TO {role};" in grants
        assert plan.privileges == tuple(grant.removeprefix("run ").removesuffix(";") for grant in grants)
    finally:
        database.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_a_role_that_may_not_read_the_rows_is_told_so_once_a_table(database: Database) -> None:
    role = f"blind_{database.name}"
    database.run(
        f"{U}{S} CREATE TABLE c (s_id int REFERENCES s); CREATE ROLE {role}; GRANT SELECT ON s, c TO {role};"
        f" ALTER TABLE c ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON c USING (s_id > 5)"
    )
    try:
        with closing(database.connect_as_pgfold()) as connection:
            connection.execute(f"SET SESSION AUTHORIZATION {role}".encode())
            plan = make_plan(connection, parse_spec("things", spec_of(NEW), "defs.yaml"))
        assert [m for m in told(plan) if "cannot be read" in m] == [
            "-: the rows of public.t cannot be read: permission denied for table t",
            "-: the rows of public.c cannot be read: query would be affected by row-level security policy"
            ' for table "c"',
        ]
        assert not any(facts.counted for facts in plan.tables)
    finally:
        database.run(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_what_stands_where_a_source_would_be_archived_is_named(database: Database) -> None:
    database.run(f"{U}{S} CREATE SCHEMA pgfold_things_public; CREATE TABLE pgfold_things_public.s (id int)")
    assert told(plan_of(database, NEW)) == [
        "-: pgfold_things_public.s is there already, where a source would be archived"
    ]


def test_a_connection_that_is_lost_is_an_error_of_ours(database: Database) -> None:
    database.run(
        f"{U} CREATE FUNCTION die(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN $1; END';"
        f"{S} INSERT INTO s VALUES (1, 'a')"
    )
    dies = f"{NEW}    columns:\n      title: {{to: title, forward: 'public.die({{title}})', inverse: '{{title}}'}}\n"
    connection = database.connect_as_pgfold()
    with pytest.raises(ConnectionLost), closing(connection):
        make_plan(connection, parse_spec("things", spec_of(dies), "defs.yaml"))


def test_rows_are_read_in_one_snapshot(database: Database) -> None:
    """A row that is committed while the proof runs is in none of the counts."""
    database.run(
        f"CREATE TABLE t (id int PRIMARY KEY, title text); {S} INSERT INTO s VALUES (1, 'a');"
        " CREATE FUNCTION gate(text) RETURNS text LANGUAGE plpgsql STABLE AS"
        " 'BEGIN PERFORM pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1); RETURN $1; END'"
    )
    gated = f"{KEPT}    columns:\n      title: {{to: title, forward: 'public.gate({{title}})', inverse: '{{title}}'}}\n"
    with database.connect() as holder, ThreadPoolExecutor() as background:
        holder.execute("SELECT pg_advisory_lock(1)")
        planning = background.submit(plan_of, database, gated)
        wait_until(holder, "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        database.run("INSERT INTO s VALUES (2, 'b')")
        holder.execute("SELECT pg_advisory_unlock(1)")
        plan = planning.result()
    assert (plan.rows, [proof.rows for proof in plan.proofs]) == (1, [1])


def wait_until(connection: Connection, query: str) -> None:
    """Until the query says true; a minute at most."""
    deadline = monotonic() + 60
    while connection.execute(query.encode()).fetchone() != (True,):
        assert monotonic() < deadline, query
        sleep(0.02)
