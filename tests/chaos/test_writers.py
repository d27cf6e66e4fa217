"""Writers write to the source all the while: each committed write is found in the target, once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from pipelines.core.spec_file import parse_spec
from pipelines.settings import Settings
from pipelines.steps.opening import surroundings_of
from tests.databases import Database
from tests.driving import Driver

ROWS = 3_000
TABLES = f"""
CREATE TABLE public.tickets (id integer PRIMARY KEY, title text NOT NULL, state text, u integer UNIQUE, meta jsonb);
INSERT INTO public.tickets SELECT -g, 'own ' || g, 'open', -g, '{{}}' FROM generate_series(1, 100) g;
CREATE TABLE public.bugs (no integer PRIMARY KEY, name text NOT NULL, state text, u integer UNIQUE, extra jsonb);
INSERT INTO public.bugs SELECT g, 'bug ' || g, (ARRAY['New', 'Open', 'Done'])[1 + g % 3], g, jsonb_build_object('n', g)
FROM generate_series(1, {ROWS}) g;
CREATE TABLE public.notes (
    id serial PRIMARY KEY, bug integer REFERENCES public.bugs ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO public.notes (bug) SELECT g FROM generate_series(1, {ROWS}, 7) g;
"""
SPEC = """
type: pipelines.Consolidation
attributes:
  target: public.tickets
  batch_rows: 500
  sources:
    - table: public.bugs
      columns:
        "no": id
        name: title
        state: {to: state, values: {New: new, Open: open, Done: done}}
        extra: meta.extra
"""
# What the archive says and the target should say, row by row; the archive holds every write that was committed.
DIFFERING = """
SELECT count(*) FROM pgfold_writing_public.bugs s
FULL JOIN (SELECT * FROM public.tickets WHERE id > 0) t ON t.id = s.no
WHERE t.id IS NULL OR s.no IS NULL
   OR (s.name, lower(s.state), s.u, s.extra) IS DISTINCT FROM (t.title, t.state, t.u, nullif(t.meta -> 'extra', 'null'))
"""


@dataclass(slots=True)
class Writer:
    """One application's session; it writes until the source's name is gone, and counts what was committed."""

    url: str
    number: int
    stop: threading.Event
    committed: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Until stopped, or until the source is archived."""
        chance, fresh = random.Random(self.number), self.number * 1_000_000
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stop.is_set():
                fresh += 1
                try:
                    self._write(connection, chance, fresh)
                except psycopg.errors.UndefinedTable:
                    return
                except psycopg.errors.UniqueViolation:
                    continue  # two writers wanted the same value: their own affair
                except psycopg.Error as error:
                    self.failures.append(str(error))
                else:
                    self.committed += 1

    def _write(self, connection: psycopg.Connection[tuple[object, ...]], chance: random.Random, fresh: int) -> None:
        no = chance.randint(1, ROWS)
        match chance.randint(0, 6):
            case 0:
                connection.execute("UPDATE bugs SET name = %s WHERE no = %s", (f"w{fresh}", no))
            case 1:
                connection.execute("INSERT INTO bugs VALUES (%s, 'new', 'New', %s, NULL)", (fresh, fresh))
            case 2:
                connection.execute("DELETE FROM bugs WHERE no = %s", (no,))
            case 3:
                connection.execute(
                    "INSERT INTO bugs VALUES (%s, 'up', 'Open', %s, '{}')"
                    " ON CONFLICT (no) DO UPDATE SET name = 'upserted', extra = NULL",
                    (no, -no - 1_000),
                )
            case 4:
                connection.execute("UPDATE bugs SET no = %s WHERE no = %s", (fresh, no))
            case 5:
                with connection.transaction():
                    connection.execute("UPDATE bugs SET state = 'Done' WHERE no = %s", (no,))
                    connection.execute("INSERT INTO bugs VALUES (%s, 'pair', 'New', %s, '[]')", (fresh, fresh))
            case _:
                connection.execute("UPDATE tickets SET title = title || '+' WHERE id = %s", (-chance.randint(1, 100),))


def test_every_committed_write_is_in_the_target_once(new_database: Callable[..., Database], tmp_path: Path) -> None:
    database = new_database(TABLES)
    stop = threading.Event()
    writers = [Writer(database.url, number, stop) for number in range(1, 5)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    spec = parse_spec("writing", SPEC, "defs.yaml")
    with surroundings_of(Settings(database.url, "public", tmp_path, "ada")) as surroundings:
        for thread in threads:
            thread.start()
        try:
            Driver(surroundings, spec).fold()
        finally:
            stop.set()
            for thread in threads:
                thread.join(timeout=30)
    assert sum(writer.committed for writer in writers) > 0
    assert [failure for writer in writers for failure in writer.failures] == []
    assert database.value(DIFFERING) == 0
    assert (
        database.value("SELECT count(*) FROM notes n WHERE NOT EXISTS (SELECT FROM tickets t WHERE t.id = n.bug)") == 0
    )
    assert database.value("SELECT count(*) FROM tickets WHERE id < 0") == 100
