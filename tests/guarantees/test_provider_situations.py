"""Each situation at a bank or a railway ends as docs/providers.md says, and both books agree afterwards, row by row.

API, worker, Temporal, bank and railway are processes, and the faults happen on the wire. One session per database plays
all of it at once; `python -m tests.provider_situations` prints it as a table.
"""

from pathlib import Path

import pytest

from tests.support.postgres import new_database
from tests.support.situation_runs import Row
from tests.support.situation_session import PHASES, of_one_order, play_everything
from tests.support.situations import Situation, on_the_wire, wrong_seats

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]
"""The first test of each database waits for its session."""

DATABASES = ("sqlite", "postgres")
ALL = of_one_order()
IN_TURN = [*on_the_wire(), *wrong_seats()]
"""What happens to answers alone: every second one on each database."""
EVERYWHERE = ALL[len(IN_TURN) :]


def _of_database(kind: str) -> list[Situation]:
    """Return what is played on a database."""
    return [*IN_TURN[DATABASES.index(kind) :: 2], *EVERYWHERE]


def _name(situation: Situation) -> str:
    return f"{situation.name} at {situation.act}"


ON_ITS_DATABASE = [
    pytest.param(_name(each), marks=pytest.mark.only_on(kind))
    for number, kind in enumerate(DATABASES)
    for each in IN_TURN[number::2]
]


@pytest.fixture(scope="module")
async def rows(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Row]:
    folder: Path = tmp_path_factory.mktemp(f"situations-{database_kind}")
    url = None
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), "situations")
    return await play_everything(folder, url, _of_database(database_kind))


def _assert_as_described(rows: list[Row], name: str) -> None:
    found = [row for row in rows if f"{row.situation} at {row.act}" == name]
    assert found, "it was not played"
    assert [row.cells() for row in found if row.wrong] == []


@pytest.mark.parametrize("situation", ON_ITS_DATABASE)
def test_a_disturbed_answer_ends_as_described(rows: list[Row], situation: str) -> None:
    _assert_as_described(rows, situation)


@pytest.mark.parametrize("situation", [_name(each) for each in EVERYWHERE])
def test_a_situation_of_one_order_ends_as_described(rows: list[Row], situation: str) -> None:
    _assert_as_described(rows, situation)


@pytest.mark.parametrize("phase", PHASES)
def test_a_situation_of_a_whole_provider_ends_as_described(rows: list[Row], phase: str) -> None:
    found = [row for row in rows if row.situation.startswith(phase)]
    assert found, "it was not played"
    assert [row.cells() for row in found if row.wrong] == []


def test_the_books_of_all_orders_agree(rows: list[Row]) -> None:
    checked = [row for row in rows if row.act == "check"]
    assert [(row.ended, row.wrong) for row in checked] == [("agree", []), ("agree", [])]
