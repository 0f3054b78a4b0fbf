"""Real parts that some tests need and a machine may lack: Chromium, say."""

import os
from typing import NoReturn

import pytest

REQUIRED = os.environ.get("CHANGEOVER_TESTS_REQUIRE", "").split()  # noqa: TID251 - of the machine that runs the tests
"""Parts whose absence fails a test instead of skipping it: `.ci/run` installs and names them."""


def skip_without(part: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where the part is required."""
    if part in REQUIRED:
        pytest.fail(f"{part} is required here: {reason}")
    pytest.skip(reason)
