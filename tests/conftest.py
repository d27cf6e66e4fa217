"""What every test has: the fixtures of tests/fix_*.py, and none of the developer's own database settings."""

import os

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.browser.fix_dashboard",
    "tests.browser.fix_dashboard_events",
    "tests.fix_dagster",
    "tests.fix_command",
    "tests.fix_database",
    "tests.fix_ingest",
    "tests.fix_ledger",
    "tests.fix_other_versions",
    "tests.fix_pooler",
    "tests.fix_redis",
    "tests.fix_server",
]

# A real server's answer may take a while on a busy machine: slowness is not a failure.
settings.register_profile("pgfold", deadline=None, print_blob=True)
settings.register_profile("long", deadline=None, print_blob=True, max_examples=1000, stateful_step_count=10)
settings.load_profile("pgfold")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-plans", action="store_true", help="write the texts that tests/cases compare")


def pytest_configure(config: pytest.Config) -> None:
    own = {"DATABASE_URL", "TRACKING_SCHEMA", "DAGSTER_HOME", "PGFOLD_HOME"}
    for name in [name for name in os.environ if name.startswith("PG") or name in own]:
        del os.environ[name]
