"""Settings of the daemon: defaults, units, every mistake at once, and no secret in what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import SettingsError
from daemon.ports import address_to_open
from daemon.settings import describe, read_settings, without_password

FOLDER = Path("/somewhere")


def test_without_an_environment_four_servers_listen_on_loopback() -> None:
    found = read_settings({}, FOLDER)
    assert (found.ws_port, found.monitoring_port, found.health_port, found.metrics_port) == (8079, 8080, 8081, 8000)
    assert found.bind_address == "127.0.0.1"
    assert found.time_zone == "Australia/Melbourne"
    assert found.history == FOLDER / ".pgfold/history.sqlite"
    assert (found.history_max_age_s, found.history_max_bytes) == (7 * 86_400, 2 * 2**30)


def test_ages_sizes_lists_and_switches_are_read() -> None:
    environment = {"HISTORY_MAX_AGE": "36h", "HISTORY_MAX_BYTES": "500MB", "EXPECTED_SOURCES": "api, worker,",
                   "METRICS_ENABLED": "off", "HISTORY": "/data/events",
                   "MONITOR_ORIGINS": "https://a.example"}  # fmt: skip
    found = read_settings(environment, FOLDER)
    assert (found.history_max_age_s, found.history_max_bytes) == (36 * 3600, 500_000_000)
    assert found.expected_sources == ("api", "worker")
    assert found.metrics_port is None
    assert found.history == Path("/data/events")
    assert found.origins == {"https://a.example"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("WS_PORT", "-1"), ("WS_PORT", "65536"), ("WS_PORT", "٣"), ("HISTORY_MAX_AGE", "10s"), ("HISTORY_MAX_AGE", "1y"),
     ("HISTORY_MAX_BYTES", "1KB"), ("TIME_ZONE", "../etc/passwd"), ("MONITORING_ENABLED", "maybe")],
)  # fmt: skip
def test_what_cannot_be_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({name: value}, FOLDER)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as wrong:
        read_settings({"WS_PORT": "x", "METRICS_PORT": "y", "TIME_ZONE": "z"}, FOLDER)
    assert len(str(wrong.value).splitlines()) == 3


def test_no_secret_is_printed_whatever_it_looks_like() -> None:
    secrets = {"MONITOR_TOKEN": "s3cret", "INGEST_TOKEN": "s3cret", "DATABASE_URL": "postgresql://u:s3cret@h:5/d?p=s3cret",
               "REDIS_URL": "redis://:s3cret@cache:6379/0", "DAGSTER_URL": "http://u:s3cret@dagster"}  # fmt: skip
    found = read_settings(secrets, FOLDER)
    assert "s3cret" not in "\n".join(describe(found)) + repr(found).replace(repr(found.dagster_url), "")
    assert without_password("host=db password=s3cret") == "set"
    assert "s3cret" not in without_password("postgresql://[s3cret")


@pytest.mark.parametrize(
    ("bound", "opened"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("", "127.0.0.1"), ("::1", "[::1]"), ("10.0.0.5", "10.0.0.5")],
)
def test_an_address_that_means_all_is_never_one_to_open(bound: str, opened: str) -> None:
    assert address_to_open(bound) == opened
