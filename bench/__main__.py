"""What a fold costs, section by section, on this machine: `make bench` writes bench/RESULTS.md.

    python -m bench [section ...]

A run of some sections alone prints them and writes nothing.
"""

import sys
from pathlib import Path

from bench import cold, export, fold, lock_window, rollback
from bench.results import Sections, measure

SECTIONS: Sections = {
    "export": ("Export: 500,000 rows of ten columns", export.run),
    "fold": ("Fold: the same rows into a target with three indexes and a foreign key", fold.run),
    "lock_window": ("Locks: four pgbench writers beside folds of 100,000 rows", lock_window.run),
    "rollback": ("Rollback: the same rows home", rollback.run),
    "cold": ("The first sample, cold", cold.run),
}

if __name__ == "__main__":
    sys.exit(measure("make bench", SECTIONS, sys.argv[1:], Path(__file__).with_name("RESULTS.md")))
