"""Each line that is logged tells which request it belongs to."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

import monitoring
from monitoring.integrations.logging import monitor_logging

ID = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture(autouse=True)
def _watched() -> Iterator[None]:
    undo = monitor_logging()
    yield
    undo()


def lines(format: str) -> list[str]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(format))
    logger = logging.Logger("app")
    logger.addHandler(handler)
    logger.info("outside")
    with monitoring.trace(ID):
        logger.info("within")
    return stream.getvalue().splitlines()


def test_a_line_ends_with_the_id_of_its_request() -> None:
    assert lines("%(message)s") == ["outside", f"within correlation_id={ID}"]


def test_a_format_that_places_the_id_is_left_alone() -> None:
    assert lines("%(correlation_id)s %(message)s") == ["- outside", f"{ID} within"]
