"""The watch over personal details sees what it should."""

import logging

import pytest

from tests.support.canary import FAMILY, GIVEN
from tests.support.endings import LogCanary


@pytest.fixture
def canary() -> LogCanary:
    return LogCanary()


@pytest.fixture
def probe(canary: LogCanary) -> logging.Logger:
    """A logger on its own, lest the watch over the whole run hears it too."""
    logger = logging.Logger("probe")  # noqa: LOG001 - on purpose without a parent
    logger.addHandler(canary)
    return logger


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_a_name_in_a_log_is_found(canary: LogCanary, probe: logging.Logger, level: int) -> None:
    probe.log(level, "sold to %s", GIVEN)
    (found,) = canary.found
    assert f"sold to {GIVEN}" in found


def test_a_name_in_an_exception_is_not_written_at_all(canary: LogCanary, probe: logging.Logger) -> None:
    try:
        int(FAMILY)
    except ValueError:
        probe.exception("broke")
    assert (canary.seen, canary.found) == (1, [])
