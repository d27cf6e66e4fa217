"""How fast a backup is written, beside what a person would type instead.

    python -m bench.export [rows] [turns]

A backup does more than its peers: rows in key order, every value exact, a digest of the table computed by the server,
schema.sql, and everything synchronised to disk. The peers only write rows.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

from bench.ratios import Ratio, alternate, median_ratio
from bench.tables import ROWS, TICKETS, make_tickets
from pipelines.core.manifest import BackupFacts
from pipelines.database.backup_writer import write_backup
from pipelines.database.connection import connect
from pipelines.database.embedded import embedded_server
from pipelines.database.introspection import read_schema
from pipelines.database.programs import ProgramName, find_program, program_environment

TURNS = 5
_QUERY = f"SELECT row_to_json(t) FROM {TICKETS} t"


def main() -> None:
    """Measure on an embedded server of its own and print the ratios."""
    given = [int(value) for value in sys.argv[1:3]]
    rows, turns = [*given, *(ROWS, TURNS)[len(given) :]]
    for line in run(rows, turns):
        print(line)


def run(rows: int = ROWS, turns: int = TURNS) -> list[str]:
    """The lines of this section."""
    with _prepared(rows) as (url, folder):
        return [str(ratio) for ratio in measure(url, folder, turns)]


def measure(url: str, folder: Path, turns: int = TURNS) -> Iterator[Ratio]:
    """The figures for the database of `url`, which holds bench.tickets; `folder` is for what is written."""
    peaks: list[float] = []
    taken = alternate(
        turns,
        {
            "pgfold": lambda: _in_process("pgfold", url, folder, peaks),
            "psql": lambda: _timed(lambda: _psql(url, folder)),
            "piped": lambda: _timed(lambda: _piped(url, folder)),
        },
    )
    taken = {**taken, **alternate(1, {"pandas": lambda: _in_process("pandas", url, folder, [])})}
    for name, seconds in taken.items():
        print(f"{name:<10}", *(f"{second:6.2f} s" for second in seconds))
    yield Ratio(r"export / psql \copy (select row_to_json)", median_ratio(taken["pgfold"], taken["psql"]), 2.0)
    yield Ratio(
        "export / the same, piped through zstd and sha256sum", median_ratio(taken["pgfold"], taken["piped"]), 1.6
    )
    yield Ratio("pandas read_sql + to_json / export", taken["pandas"][0] / median(taken["pgfold"]), 7.0, at_least=True)
    yield Ratio("most memory of the exporting process", max(peaks), 200.0, unit=" MB")


@contextmanager
def _prepared(rows: int) -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="pgfold-bench-") as name:
        folder = Path(name)
        with embedded_server(folder / "server") as server:
            with closing(connect(server.url)) as connection:
                make_tickets(connection, rows)
            (folder / "files").mkdir()
            yield server.url, folder / "files"


def export(url: str, folder: Path) -> None:
    """A backup as a run of pgfold writes it, from reading the catalog to the manifest."""
    with closing(connect(url)) as connection:
        table = read_schema(connection, [TICKETS])[TICKETS]
    facts = BackupFacts("bench", "bench", sealed=False, spec_text="")
    write_backup(lambda: connect(url), folder / "backup", [table], facts, lambda *_: None)


def export_with_pandas(url: str, folder: Path) -> None:
    """What a notebook would do."""
    import pandas

    from pipelines.database.connection import open_engine

    engine = open_engine(url)
    frame = pandas.read_sql(f"SELECT * FROM {TICKETS}", engine)
    frame.to_json(folder / "pandas.jsonl", orient="records", lines=True, date_format="iso", default_handler=str)
    engine.dispose()


_CHILDREN: dict[str, Callable[[str, Path], None]] = {"pgfold": export, "pandas": export_with_pandas}


def _in_process(which: str, url: str, folder: Path, peaks: list[float]) -> float:
    """Seconds of the work alone, in a process of its own, so that its memory is its own too."""
    shutil.rmtree(folder / "backup", ignore_errors=True)
    command = [sys.executable, "-m", "bench.export", "--child", which, url, str(folder)]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    peaks.append(answer["peak_mb"])
    return float(answer["seconds"])


def _child(which: str, url: str, folder: Path) -> None:
    seconds = _timed(lambda: _CHILDREN[which](url, folder))
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb()}))


def _peak_mb() -> float:
    """The greatest memory of this process; ru_maxrss would count that of the process it was forked from."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def _timed(run: Callable[[], None]) -> float:
    started = time.monotonic()
    run()
    return time.monotonic() - started


def _psql(url: str, folder: Path) -> None:
    _shell(url, rf"{{psql}} -c '\copy ({_QUERY}) TO {folder}/psql.jsonl'")


def _piped(url: str, folder: Path) -> None:
    _shell(
        url,
        rf"{{psql}} -c '\copy ({_QUERY}) TO STDOUT' | zstd --quiet --stdout"
        f" | tee {folder}/piped.zst | sha256sum > {folder}/piped.sha256",
    )


def _shell(url: str, command: str) -> None:
    psql = find_program(ProgramName.PSQL, 180000).path
    subprocess.run(
        ["sh", "-c", command.format(psql=f"{psql} --no-psqlrc --quiet")], env=program_environment(url), check=True
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main()
