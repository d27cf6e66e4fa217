"""How far the running step is: rows done and to do, by table where the run tells of tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.health import microseconds
from daemon.migrations.ledger import FoldBooks
from daemon.migrations.live import LiveStep
from daemon.migrations.steps import WINDOW, Shown
from daemon.wording import counted
from monitoring.wire import MigrationProgress, MigrationStep, TableProgress

_BEGUN = "map_fields_begin"  # the ledger's name for the count that mapping began with


def show_progress(shown: Shown, running: MigrationStep) -> MigrationProgress:
    """Of the step that runs; what nobody counted is None."""
    live = shown.live_step(running.name)
    if live is not None and live.whole is not None and live.whole != (0, None):  # as good as not counted
        done, total = live.whole
        return _progress(shown, running, done, total, live.rows_per_s, _batches(shown, running.name))
    if live is not None and live.tables:
        return _told(shown, running, live)
    if running.name == "map_fields" and shown.books is not None:
        return _staged(shown.books, running)
    tables = [_table(name, None, rows) for name, rows in _expected(shown.books, running.name).items()]
    return MigrationProgress(
        title=_title(shown, running.name), rows_done=None, rows_total=None, rows_per_s=None, time_left_s=None,
        tables=tables,
    )  # fmt: skip


def _told(shown: Shown, running: MigrationStep, live: LiveStep) -> MigrationProgress:
    """What the run tells, and the fold's tables that it has not come to."""
    expected = _expected(shown.books, running.name)
    told = {_bare(table): counts for table, counts in live.tables.items()}
    tables = [_table(name, told.get(name), expected.get(name)) for name in dict.fromkeys([*expected, *told])]
    totals = [table.rows_total for table in tables]
    total = sum(known for known in totals if known is not None) if None not in totals else None
    done = sum(table.rows_done or 0 for table in tables)
    return _progress(shown, running, done, total, live.rows_per_s, tables)


def _staged(books: FoldBooks, running: MigrationStep) -> MigrationProgress:
    """What the books say of batches, where no run is heard of."""
    begun = books.step(_BEGUN)
    total = begun.facts.get("rows") if begun is not None else None
    done = sum(batch.rows for batch in books.batches)
    time_s = (microseconds(books.fold.read_at) - (running.at_us or 0)) / 1e6
    rate = done / time_s if time_s > 0 and done else None
    known = total if isinstance(total, int) else None
    return MigrationProgress(
        title=_TITLES["map_fields"], rows_done=done, rows_total=known, rows_per_s=rate,
        time_left_s=_left(done, known, rate), tables=_of_batches(books),
    )  # fmt: skip


def _batches(shown: Shown, step: str) -> list[TableProgress]:
    return _of_batches(shown.books) if shown.books is not None and step == "map_fields" else []


def _of_batches(books: FoldBooks) -> list[TableProgress]:
    return [
        TableProgress(table=b.source_name, rows_done=b.rows, rows_total=b.rows if b.complete else None,
                      state="done" if b.complete else "running" if b.rows else "next")
        for b in books.batches
    ]  # fmt: skip


def _progress(
    shown: Shown, running: MigrationStep, done: int, total: int | None, rate: float | None, tables: list[TableProgress]
) -> MigrationProgress:
    return MigrationProgress(
        title=_title(shown, running.name), rows_done=done, rows_total=total, rows_per_s=rate,
        time_left_s=_left(done, total, rate), tables=tables,
    )  # fmt: skip


_TITLES = {
    "plan": "Proving the plan on every row",
    "export": "Writing the backup",
    "add_columns": "Adding columns and capturing changes",
    "map_fields": "Mapping rows into staging",
    "verify": "Reading every row back",
    "cut_over": "Replaying what changed, then cutting over",
    "drop": "Restoring the sealed backup, then dropping",
    "rollback": "Bringing the rows home",
}


def _title(shown: Shown, name: str) -> str:
    window = shown.books.step(WINDOW) if shown.books is not None else None
    if name == "cut_over" and window is not None and window.status == "done":
        return "Sealing the rows as they were at cut-over"
    return _TITLES.get(name, counted(1, "step") + " under way")


def _expected(books: FoldBooks | None, step: str) -> Mapping[str, int | None]:
    """The tables that a step goes through, with their rows as far as they are known."""
    if books is None or step not in ("export", "cut_over"):
        return {}
    staged = {b.source_name: b.rows for b in books.batches if b.complete}
    roles = ("source", "target", "child", "empty") if step == "export" else ("source", "empty")
    return {t.table_name: staged.get(t.table_name, t.estimated_rows) for t in books.in_role(*roles)}


def _table(name: str, told: tuple[int, int | None] | None, rows: int | None) -> TableProgress:
    if told is None:
        return TableProgress(table=name, rows_done=0, rows_total=rows, state="next")
    done, total = told
    total = total if total is not None else rows
    return TableProgress(table=name, rows_done=done, rows_total=total, state="done" if done == total else "running")


def _left(done: int, total: int | None, rate: float | None) -> float | None:
    return round((total - done) / rate, 1) if total is not None and rate and total >= done else None


def _bare(table: str) -> str:
    """`issues` of `pgfold_issues_public.issues`; a quoted name keeps its dots."""
    return table.rpartition(".")[2].strip('"') if not table.endswith('"') else table[:-1].rpartition('"')[2]
