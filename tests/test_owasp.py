"""Each of OWASP's ten API risks has a protection, with tests that exist."""

import re

import pytest

from tests.support.docs_pages import ROOT, is_test

ROWS = re.findall(r"^\| API(\d+) .+ \| (.+?) \|$", (ROOT / "tests" / "owasp.md").read_text(), re.MULTILINE)


def test_all_ten_are_there() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 11))


@pytest.mark.parametrize("tests", [tests for _, tests in ROWS], ids=[f"API{number}" for number, _ in ROWS])
def test_each_risk_names_existing_tests(tests: str) -> None:
    locations = re.findall(r"`(.+?)`", tests)
    assert locations
    assert not [each for each in locations if not is_test(each)]


def test_a_missing_test_is_noticed() -> None:
    assert is_test("test_owasp.py::test_all_ten_are_there")
    assert not is_test("test_owasp.py::test_all_eleven_are_there")
    assert not is_test("test_nothing.py::test_all_ten_are_there")
