"""An error is logged by where it arose, never by its words."""

import logging

import pytest

from api.logs import WithoutWords
from tests.support.canary import FAMILY


def broken() -> None:
    raise ValueError(f"input_value={FAMILY}")


def test_the_words_of_an_exception_are_not_logged_and_its_place_is() -> None:
    try:
        broken()
    except ValueError as error:
        arguments = ("Exception in %s\n", ("app",), (ValueError, error, error.__traceback__))
    record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, *arguments)
    assert WithoutWords().filter(record)
    said = logging.Formatter().format(record)
    assert FAMILY not in said
    assert said.startswith("Exception in app: ValueError in broken (")


@pytest.mark.usefixtures("world")
def test_the_server_that_serves_us_logs_so() -> None:
    assert any(isinstance(each, WithoutWords) for each in logging.getLogger("uvicorn.error").filters)
