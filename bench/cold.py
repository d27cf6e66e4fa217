"""The first sample from command to summary, cold, beside Dagster's import.

python -m bench.cold
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.ratios import Ratio
from pipelines.database.embedded import embedded_server
from pipelines.database.programs import ProgramName, find_program, run_program
from pipelines.sample import sample_sql

RUNS = 3
LIMIT_S = 6.0


def main() -> None:
    """Print the figures."""
    for line in run():
        print(line)


def run() -> list[str]:
    """The lines of this section: medians of some runs, each in a folder and a database of its own."""
    folds = [_fold() for _ in range(RUNS)]
    imports = [_timed([sys.executable, "-c", "import dagster"], Path.cwd(), os.environ.copy()) for _ in range(RUNS)]
    return [
        str(Ratio("pgfold run issues (3 -> 1), cold, from command to summary", median(folds), LIMIT_S, unit=" s")),
        f"{'of which import dagster, in a process of its own':<66} {median(imports):7.2f} s",
    ]


def _fold() -> float:
    with tempfile.TemporaryDirectory(prefix="pgfold-bench-") as name:
        folder = Path(name)
        with embedded_server(folder / "server") as server:
            psql = find_program(ProgramName.PSQL, 180000)
            for script in sample_sql():
                run_program(psql, server.url, ["--no-psqlrc", "--quiet", "--file=-"], script=script)
            environment = {**os.environ, "DATABASE_URL": server.url, "PGFOLD_HOME": str(folder)}
            command = [str(Path(sys.executable).with_name("pgfold")), "run", "issues"]
            return _timed(command, folder, environment)


def _timed(command: Sequence[str], folder: Path, environment: dict[str, str]) -> float:
    started = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
