"""The runbook: every query on the page can be pasted, and every alert leads to a situation there."""

import re
from pathlib import Path

import pytest

from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
QUERIES = re.findall(r"```sql\n(.+?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.only_on("sqlite")  # a matter of Temporal, not of the store
async def test_every_query_of_the_runbook_can_be_pasted(world: World) -> None:
    assert QUERIES
    for query in QUERIES:
        await world.client.count_workflows(query)
