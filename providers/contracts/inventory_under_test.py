"""An inventory that a contract tests, and what the tests do with it."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from providers.contracts.assertions import new_key
from providers.contracts.fault_proxy import Disturbance
from providers.errors import NoSeatsLeftError, NoStockLeftError
from providers.inventory_answers import check_held
from providers.protocols import (
    ActState,
    FoundHold,
    Held,
    HeldSeat,
    HoldRequest,
    HoldState,
    Inventory,
    SeatRequest,
    StockRequest,
)
from store.database.store import utc_now

SHORT, LONG = timedelta(seconds=2), timedelta(hours=1)
SOLD_OUT = (NoSeatsLeftError, NoStockLeftError)
_PAUSE = timedelta(milliseconds=50)
KINDS = ("seat", "unit")
of_either_kind = pytest.mark.parametrize("kind", KINDS)


class InjectsFaults(Protocol):
    """Disturbs the requests to the system behind a provider, and counts them: FaultProxy."""

    def __call__(self, trouble: Disturbance, only: int | None = None) -> AbstractContextManager[None]:
        """Inject a fault while a block lasts, into every request or only into the one of a number, from 1."""

    @property
    def requests(self) -> int:
        """The number of requests since the last fault was injected."""


@dataclass(frozen=True)
class InventoryUnderTest:
    """An inventory, and what tests must be able to do with the system behind it."""

    provider: Inventory
    train: Callable[[int], str]
    """Adds a departure with this many free seats that no other test uses; returns its id."""
    wait: Callable[[timedelta], object]
    """Lets time pass for the inventory: moves its clock, or sleeps."""
    item: Callable[[int], StockRequest] | None = None
    """Adds a product with this capacity that no other test uses; returns a request for one unit of it.

    None for an inventory that sells seats only.
    """
    trouble: InjectsFaults | None = None
    """Injects a fault while a block lasts: a FaultProxy; None for an inventory without an external system."""
    now: Callable[[], datetime] = utc_now
    """The inventory's clock."""
    slow: Callable[[], AbstractContextManager[object]] | None = None
    """Lets the system only accept sales and releases while a block lasts, and do them all at its end.

    None for a system that has always done what it answers.
    """
    priced: Callable[[], AbstractContextManager[object]] | None = None
    """Lets each extension cost money while a block lasts; None for a system whose extensions are free."""
    tenant: str = "default"
    call_timeout: timedelta = timedelta(seconds=15)
    """The longest that one call may take: an attempt at a step times out after 20 seconds."""
    finds: bool = True
    """Whether it finds keys exactly; if not, it always answers that it cannot say."""

    def supply(self, kind: str, count: int) -> HoldRequest:
        """Add a departure with this many free seats, or a product with as many units; return a request for one."""
        if kind == "seat":
            return SeatRequest(self.train(count), 1)
        if self.item is None:
            pytest.skip("the inventory sells seats only")
        return self.item(count)

    def hold(self, key: str, request: HoldRequest, count: int = 1, *names: str, life: timedelta = LONG) -> list[Held]:
        """Hold this many of what one request names."""
        return self.hold_all(key, [of_count(request, count, *names)], life=life)

    def hold_all(self, key: str, requests: Sequence[HoldRequest], life: timedelta = LONG) -> list[Held]:
        """Hold what several requests name; the answer must be what they name."""
        held = self.provider.hold(self.tenant, key, requests, self.until(life))
        check_held(requests, held, self.now())
        return held

    def find(self, key: str) -> FoundHold:
        """Return what the inventory knows of a key."""
        found = self.provider.find(self.tenant, key)
        if not self.finds:
            assert found == FoundHold(HoldState.CANNOT_SAY)
            pytest.skip("the inventory cannot say what it knows of a key")
        return found

    def confirm(self, key: str, taken: Sequence[str], given_up: Sequence[str] = ()) -> None:
        """Sell some references and release others, until that is done."""
        self._until_done(lambda: self.provider.confirm(self.tenant, key, taken, given_up))

    def release(self, key: str) -> None:
        """Release what a key holds, until that is done."""
        self._until_done(lambda: self.provider.release(self.tenant, key))

    def release_references(self, references: Sequence[str]) -> None:
        """Release some references, until that is done."""
        self._until_done(lambda: self.provider.release_references(self.tenant, references))

    def _until_done(self, act: Callable[[], ActState]) -> None:
        ends = time.monotonic() + self.call_timeout.total_seconds()
        while act() is not ActState.DONE:
            assert time.monotonic() < ends, "it is never done"
            time.sleep(_PAUSE.total_seconds())

    def until(self, life: timedelta) -> datetime:
        """Return the time at which a hold of this length ends if it begins now."""
        return self.now() + life

    def free(self, request: HoldRequest) -> int:
        """Return how many of what a request names are free: hold them one by one, then release them."""
        keys: list[str] = []
        while True:
            keys.append(new_key("count"))
            try:
                self.hold(keys[-1], request)
            except SOLD_OUT:
                for key in keys:
                    self.release(key)
                return len(keys) - 1


def of_count(request: HoldRequest, count: int, *names: str) -> HoldRequest:
    """Return the request for this many seats or units."""
    return (
        replace(request, count=count, names=names)
        if isinstance(request, SeatRequest)
        else replace(request, count=count)
    )


def references_of(held: Sequence[Held]) -> list[str]:
    """Return the references of seats and units."""
    return [each.reference for each in held]


def only_seat(held: Sequence[Held]) -> HeldSeat:
    """Return what is held, which must be one seat."""
    (seat,) = held
    assert isinstance(seat, HeldSeat)
    return seat


def kinds_of(inventory: InventoryUnderTest) -> tuple[str, ...]:
    """Return the kinds of what an inventory sells."""
    return KINDS if inventory.item else KINDS[:1]


def kind_of(held: Held) -> str:
    """Return the kind of what is held."""
    return "seat" if isinstance(held, HeldSeat) else "unit"


def assert_nothing_held(found: FoundHold) -> None:
    """Assert that nothing is held or sold under a key."""
    assert found.state in (HoldState.NOTHING, HoldState.GIVEN_BACK)
    assert not found.held
