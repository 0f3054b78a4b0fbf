"""Each of the 84 bad inputs is tried by a test there is, and the page says what is answered."""

import re

import pytest

from tests.api.bad_inputs.table import BAD_INPUTS
from tests.support.docs_pages import ROOT, is_test


def test_all_84_are_there() -> None:
    assert list(BAD_INPUTS) == list(range(1, 85))


@pytest.mark.parametrize("number", BAD_INPUTS)
def test_each_is_tried_by_a_test_there_is(number: int) -> None:
    tried = BAD_INPUTS[number].tried_by
    assert tried
    assert not [place for place in tried if not is_test(place)]


def test_the_page_is_the_table() -> None:
    wanted = "\n".join(["| | input | answer | tried by |", "|---|---|---|---|", *map(_row, BAD_INPUTS), ""])
    page = (ROOT / "tests" / "api" / "bad_inputs" / "README.md").read_text()
    (found,) = re.findall(r"<!-- inputs -->\n(.*?)<!-- /inputs -->", page, re.DOTALL)
    assert found == wanted, f"tests/api/bad_inputs/README.md wants:\n{wanted}"


def _row(number: int) -> str:
    each = BAD_INPUTS[number]
    tried = ", ".join(f"`{place}`" for place in each.tried_by)
    return f"| {number} | {each.what} | {each.answer} | {tried} |"
