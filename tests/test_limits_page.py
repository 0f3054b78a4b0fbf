"""The page of limits says what the code has: each number, its setting and what is answered."""

import re

import pytest

from api.problems import TITLES
from settings import Settings
from tests.support.pages import ROOT

PAGE = (ROOT / "docs" / "limits.md").read_text()
(TABLE,) = re.findall(r"<!-- limits -->\n.*?\n\|[-|]+\|\n(.*?)<!-- /limits -->", PAGE, re.DOTALL)
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in TABLE.splitlines()]
BY_SETTING = [row for row in ROWS if row[2]]


@pytest.mark.parametrize("row", BY_SETTING, ids=lambda row: row[2])
def test_a_number_that_can_be_set_is_the_settings_default(row: tuple[str, ...]) -> None:
    _, most, setting, _ = row
    name = setting.strip("`").removeprefix("CHANGEOVER_").lower()
    assert str(Settings.model_fields[name].default) == most


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_is_answered_is_a_problem_there_is(row: tuple[str, ...]) -> None:
    status, code = row[3].split(" ", 1)
    assert TITLES[code.strip("`")][0] == int(status)
