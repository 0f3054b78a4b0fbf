"""Each of OWASP's ten API risks has a guard, and beside it tests there are."""

import re

import pytest

from tests.support.docs_pages import ROOT, is_test

ROWS = re.findall(r"^\| API(\d+) .+ \| (.+?) \|$", (ROOT / "tests" / "owasp.md").read_text(), re.MULTILINE)


def test_all_ten_are_there() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 11))


@pytest.mark.parametrize("tried", [tried for _, tried in ROWS], ids=[f"API{number}" for number, _ in ROWS])
def test_each_is_tried_by_tests_there_are(tried: str) -> None:
    places = re.findall(r"`(.+?)`", tried)
    assert places
    assert not [place for place in places if not is_test(place)]


def test_a_test_nobody_wrote_is_seen() -> None:
    assert is_test("test_owasp.py::test_all_ten_are_there")
    assert not is_test("test_owasp.py::test_all_eleven_are_there")
    assert not is_test("test_nothing.py::test_all_ten_are_there")
