"""The runbook: every query on the page is valid, and every situation on it is covered by a test."""

import re

import pytest

from tests.support.docs_pages import ROOT, is_test
from tests.support.world import World

PAGE = ROOT / "docs" / "operations.md"
QUERIES = re.findall(r"```sql\n(.+?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_every_situation_is_played_by_an_existing_test() -> None:
    situations = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    text = (ROOT / "tests" / "README.md").read_text(encoding="utf-8").partition("## Operations, tested")[2]
    tests = dict(re.findall(r"^\| (.+?) \| `(.+?)` \|$", text, re.MULTILINE))
    assert sorted(tests) == sorted(situations)
    assert not [location for location in tests.values() if not is_test(location)]


@pytest.mark.only_on("sqlite")  # a matter of Temporal, not of the store
async def test_every_query_of_the_runbook_can_be_pasted(world: World) -> None:
    assert QUERIES
    for query in QUERIES:
        await world.client.count_workflows(query)
