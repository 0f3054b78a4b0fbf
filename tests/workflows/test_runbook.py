"""The runbook: every query on the page can be pasted, and every alert leads to a situation there."""

import re
from pathlib import Path

import pytest

from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
QUERIES = re.findall(r"```sql\n(.+?)\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_every_situation_is_played_by_a_test_there_is() -> None:
    text = PAGE.read_text(encoding="utf-8")
    *situations, _ = re.findall(r"^## (.+)$", text, re.MULTILINE)
    played = dict(re.findall(r"^\| (.+?) \| `(.+?)` \|$", text.partition("## Played through")[2], re.MULTILINE))
    assert sorted(played) == sorted(situations)
    for place in played.values():
        path, _, name = place.partition("::")
        assert f"def {name}(" in (PAGE.parents[1] / "tests" / path).read_text(encoding="utf-8"), place


@pytest.mark.only_on("sqlite")  # a matter of Temporal, not of the store
async def test_every_query_of_the_runbook_can_be_pasted(world: World) -> None:
    assert QUERIES
    for query in QUERIES:
        await world.client.count_workflows(query)
