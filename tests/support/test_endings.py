"""The watch over personal details sees what it should."""

import logging

import pytest

from tests.support.canary import FAMILY, GIVEN
from tests.support.endings import listening


@pytest.mark.parametrize("level", [logging.DEBUG, logging.ERROR])
def test_a_name_in_a_log_is_found(level: int) -> None:
    with listening(("activities",)) as logs:
        logging.getLogger("activities.orders").log(level, "sold to %s", GIVEN)
    assert logs.found == [f"sold to {GIVEN}"]


def test_a_name_in_a_traceback_is_found() -> None:
    with listening() as logs:
        try:
            int(FAMILY)
        except ValueError:
            logging.getLogger("api").exception("broke")
    assert len(logs.found) == 1
