"""Each of the 84 bad inputs is covered by an existing test, and the page equals the table."""

import re

import pytest

from tests.api.bad_inputs.table import BAD_INPUTS
from tests.support.docs_pages import ROOT, is_test


def test_all_84_are_there() -> None:
    assert list(BAD_INPUTS) == list(range(1, 85))


@pytest.mark.parametrize("number", BAD_INPUTS)
def test_each_is_covered_by_an_existing_test(number: int) -> None:
    tests = BAD_INPUTS[number].tests
    assert tests
    assert not [each for each in tests if not is_test(each)]


def test_the_page_is_the_table() -> None:
    expected = "\n".join(["| | input | response | tested by |", "|---|---|---|---|", *map(_row, BAD_INPUTS), ""])
    page = (ROOT / "tests" / "api" / "bad_inputs" / "README.md").read_text()
    (found,) = re.findall(r"<!-- inputs -->\n(.*?)<!-- /inputs -->", page, re.DOTALL)
    assert found == expected, f"tests/api/bad_inputs/README.md must contain:\n{expected}"


def _row(number: int) -> str:
    each = BAD_INPUTS[number]
    tests = ", ".join(f"`{name}`" for name in each.tests)
    return f"| {number} | {each.input} | {each.response} | {tests} |"
