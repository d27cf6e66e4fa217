"""Documents of more keys than one call can make."""

from __future__ import annotations

from tests.databases import Database
from tests.planning import plan_of, told


def test_a_document_may_have_any_number_of_keys(database: Database) -> None:
    columns = ", ".join(f"c{n} int DEFAULT {n}" for n in range(130))
    database.run(
        f"CREATE TABLE t (id int PRIMARY KEY, meta jsonb); CREATE TABLE s (id int PRIMARY KEY, {columns});"
        " INSERT INTO s (id) VALUES (1), (2); UPDATE s SET c129 = NULL WHERE id = 2"
    )
    plan = plan_of(database, "target: t\nsources:\n  - table: s\n    columns: {id: id}\n    rest: meta.legacy\n")
    assert told(plan) == []
    assert [(proof.rows, proof.differing, len(proof.columns)) for proof in plan.proofs] == [(2, 0, 130)]
