"""The railway keeps its book in a file: what it has answered it still knows, however it ended."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from examples.fake_systems.railway import Hold, Seats, Units
from examples.fake_systems.railway_book import BookedRailway
from examples.providers.railway_inventory import RailwayInventory, RailwaySettings
from providers.contracts import HoldsBookContract, InventoryContract, InventoryUnderTest
from providers.errors import HoldIsGoneError
from providers.protocols import HoldState, SeatRequest
from store.database.store import utc_now
from tests.support.external_systems import SECRET, external_inventory
from tests.support.outside_processes import OutsideProcess, railway_process, running_process

TENANT, TRAIN, OTHER = "default", "T1", "T2"


class ForgetfulRailway(BookedRailway):
    """A railway that knows nothing but its book: each request is served by one that has just opened it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[BookedRailway]:
        with self._writing:
            railway = BookedRailway(self.path)
            railway.now, railway.longest, railway.capacities = self.now, self.longest, self.capacities
            yield railway

    def put(self, service: str, coaches: int, seats_per_coach: int) -> None:
        with self.opened() as railway:
            railway.put(service, coaches, seats_per_coach)

    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        with self.opened() as railway:
            return railway.hold(key, requests, until)

    def find(self, key: str) -> tuple[str, list[Hold]]:
        with self.opened() as railway:
            return railway.find(key)

    def book(self, after: str, limit: int) -> list[Hold]:
        with self.opened() as railway:
            return railway.book(after, limit)

    def free(self, requests: Sequence[Seats | Units], own: Sequence[str]) -> list[int | None]:
        with self.opened() as railway:
            return railway.free(requests, own)

    def release(self, key: str) -> bool:
        with self.opened() as railway:
            return railway.release(key)

    def release_references(self, references: list[str]) -> bool:
        with self.opened() as railway:
            return railway.release_references(references)

    def extend(self, references: list[str], until: datetime) -> datetime | None:
        with self.opened() as railway:
            return railway.extend(references, until)

    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        with self.opened() as railway:
            return railway.sell(taken, given_up)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InventoryUnderTest]:
    with external_inventory(ForgetfulRailway(tmp_path_factory.mktemp("railway") / "railway.db")) as under_test:
        yield under_test


class TestRailwayThatKnowsOnlyItsBook(InventoryContract, HoldsBookContract):
    pass


@pytest.fixture
def railway(tmp_path: Path) -> Iterator[OutsideProcess]:
    with running_process(railway_process(tmp_path)) as process:
        for train in (TRAIN, OTHER):
            body = {"coaches": 1, "seats_per_coach": 4}
            httpx2.put(f"{process.url}/departures/{train}", json=body, timeout=10).raise_for_status()
        yield process


@pytest.fixture
def provider(railway: OutsideProcess) -> Iterator[RailwayInventory]:
    with closing(RailwayInventory(RailwaySettings(url=railway.url, secret=SECRET))) as connected:
        yield connected


def test_a_railway_killed_between_two_requests_still_knows_what_it_answered(
    railway: OutsideProcess, provider: RailwayInventory
) -> None:
    until, on_train, on_other = utc_now() + timedelta(hours=1), [SeatRequest(TRAIN, 1)], [SeatRequest(OTHER, 1)]
    (sold,), (held,) = (provider.hold(TENANT, key, on_train, until) for key in ("sold", "held"))
    (released,) = provider.hold(TENANT, "released", on_other, until)
    provider.confirm(TENANT, "sale", [sold.reference], [])
    provider.release(TENANT, "released")
    provider.release(TENANT, "never used")
    before = list(provider.held_by_us(TENANT))
    railway.restart()
    assert list(provider.held_by_us(TENANT)) == before
    assert [each.held.reference for each in before] == [sold.reference, held.reference]
    assert [provider.find(TENANT, key).state for key in ("sold", "held", "released", "never used", "unknown")] == [
        *(HoldState.SOLD, HoldState.HELD, HoldState.GIVEN_BACK, HoldState.GIVEN_BACK, HoldState.NOTHING)
    ]
    with pytest.raises(HoldIsGoneError):
        provider.hold(TENANT, "never used", on_train, until)
    # A reference that was released is not used again.
    assert provider.hold(TENANT, "next", on_other, until)[0].reference > released.reference


def test_a_railway_restored_from_a_backup_has_forgotten_what_came_after_it(
    railway: OutsideProcess, provider: RailwayInventory
) -> None:
    until, request = utc_now() + timedelta(hours=1), [SeatRequest(TRAIN, 1)]
    (before,) = provider.hold(TENANT, "before", request, until)
    backup = railway.back_up()
    (after,) = provider.hold(TENANT, "after", request, until)
    later = railway.restore(backup)
    assert [each.held.reference for each in provider.held_by_us(TENANT)] == [before.reference]
    assert provider.find(TENANT, "after").state is HoldState.NOTHING
    railway.restore(later)
    assert [each.held.reference for each in provider.held_by_us(TENANT)] == [before.reference, after.reference]


def test_a_railway_whose_clock_is_ahead_has_ended_a_hold_before_we_think_so(
    railway: OutsideProcess, provider: RailwayInventory
) -> None:
    (held,) = provider.hold(TENANT, "held", [SeatRequest(TRAIN, 1)], utc_now() + timedelta(hours=1))
    railway.restart(clock_ahead=7200)
    with pytest.raises(HoldIsGoneError):
        provider.confirm(TENANT, "sale", [held.reference], [])
