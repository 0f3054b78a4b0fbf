"""The contract of an inventory of seats and stock, as tests."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest

from providers.contracts.assertions import REFERENCE_LENGTH, assert_fault_within, new_key
from providers.contracts.fault_proxy import Trouble
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoStockLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import Held, HeldSeat, HoldRequest, Inventory, SeatRequest, StockRequest
from store.database.store import utc_now

SHORT, LONG = timedelta(seconds=2), timedelta(hours=1)
SOLD_OUT = (NoSeatsLeftError, NoStockLeftError)
KINDS = ("seat", "unit")
of_either_kind = pytest.mark.parametrize("kind", KINDS)


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
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Injects a fault while a block lasts; None for an inventory without an external system."""
    now: Callable[[], datetime] = utc_now
    """The inventory's clock."""
    tenant: str = "default"
    call_timeout: timedelta = timedelta(seconds=15)
    """The longest that one call may take: an attempt at a step times out after 20 seconds."""

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
        """Hold what several requests name."""
        return self.provider.hold(self.tenant, key, requests, self.until(life))

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
                    self.provider.release(self.tenant, key)
                return len(keys) - 1


def of_count(request: HoldRequest, count: int, *names: str) -> HoldRequest:
    """Return the request for this many seats or units."""
    return (
        replace(request, count=count, names=names)
        if isinstance(request, SeatRequest)
        else replace(request, count=count)
    )


def _references(held: list[Held]) -> list[str]:
    return [each.reference for each in held]


def _seat(held: list[Held]) -> HeldSeat:
    (seat,) = held
    assert isinstance(seat, HeldSeat)
    return seat


class InventoryContract:
    """The contract of every inventory. Give it a fixture `inventory` that returns an InventoryUnderTest."""

    def test_requested_seats_are_held_in_the_order_of_the_requests(self, inventory: InventoryUnderTest) -> None:
        first, second = inventory.train(3), inventory.train(3)
        held = inventory.hold_all(new_key("reserve"), [SeatRequest(second, 1), SeatRequest(first, 2)])
        assert [each.service for each in held] == [second, first, first]
        seats = [(each.service, each.coach, each.seat) for each in held if isinstance(each, HeldSeat)]
        assert len(set(seats)) == len(held)
        assert len(set(_references(held))) == len(held)

    def test_requested_units_are_held_with_seats_in_the_order_of_the_requests(
        self, inventory: InventoryUnderTest
    ) -> None:
        one, other, seats = (inventory.supply(kind, 3) for kind in ("unit", "unit", "seat"))
        requests = [of_count(other, 2), seats, one]
        held = inventory.hold_all(new_key("reserve"), requests)
        assert [_kind_of(each) for each in held] == ["unit", "unit", "seat", "unit"]
        units = [(each.item, each.service, each.day) for each in held if not isinstance(each, HeldSeat)]
        names = [(each.item, each.service, each.day) for each in (other, other, one) if isinstance(each, StockRequest)]
        assert units == names
        assert len(set(_references(held))) == len(held)

    @of_either_kind
    def test_the_same_key_gets_the_same_again(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key = inventory.supply(kind, 3), new_key("reserve")
        assert inventory.hold(key, supply, 2) == inventory.hold(key, supply, 2)
        assert inventory.free(supply) == 1

    @of_either_kind
    def test_of_two_concurrent_holds_one_gets_the_last(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, keys = inventory.supply(kind, 1), [new_key("reserve"), new_key("reserve")]
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(inventory.hold, key, supply) for key in keys]
        errors = [each.exception() for each in attempts]
        assert [isinstance(each, SOLD_OUT) for each in errors if each] == [True], errors

    @of_either_kind
    def test_everything_is_held_or_nothing(self, inventory: InventoryUnderTest, kind: str) -> None:
        plenty, scarce = [inventory.supply(each, 2) for each in _kinds(inventory)], inventory.supply(kind, 1)
        for requests in ([*plenty, of_count(scarce, 2)], [of_count(scarce, 2), *plenty]):
            with pytest.raises(SOLD_OUT):
                inventory.hold_all(new_key("reserve"), requests)
        assert ([inventory.free(each) for each in plenty], inventory.free(scarce)) == ([2] * len(plenty), 1)

    def test_a_refusal_for_stock_names_the_item_and_its_place(self, inventory: InventoryUnderTest) -> None:
        supply = inventory.supply("unit", 1)
        with pytest.raises(NoStockLeftError) as refusal:
            inventory.hold(new_key("reserve"), supply, 2)
        assert isinstance(supply, StockRequest)
        assert refusal.value.members == NoStockLeftError(supply.item, supply.service, supply.day).members

    def test_a_seat_requested_by_name_is_that_seat_or_refused(self, inventory: InventoryUnderTest) -> None:
        train, key = inventory.supply("seat", 2), new_key("reserve")
        seat = _seat(inventory.hold(key, train))
        name = f"{seat.coach}-{seat.seat:02}"
        with pytest.raises(SeatIsTakenError):
            inventory.hold(new_key("reserve"), train, 1, name)
        inventory.provider.release(inventory.tenant, key)
        again = _seat(inventory.hold(new_key("reserve"), train, 1, name))
        assert (again.coach, again.seat) == (seat.coach, seat.seat)

    def test_unknown_seats_and_services_are_refused(self, inventory: InventoryUnderTest) -> None:
        with pytest.raises(NoSuchSeatError):
            inventory.hold(new_key("reserve"), inventory.supply("seat", 1), 1, "98-99")
        with pytest.raises(NoSeatsLeftError):
            inventory.hold(new_key("reserve"), SeatRequest("no-such-service", 1))

    @of_either_kind
    def test_references_fit_our_database(self, inventory: InventoryUnderTest, kind: str) -> None:
        (held,) = inventory.hold(new_key("reserve"), inventory.supply(kind, 1))
        assert 0 < len(held.reference) <= REFERENCE_LENGTH

    @of_either_kind
    def test_releasing_a_key_frees_what_it_holds_and_no_more(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key, other = inventory.supply(kind, 3), new_key("reserve"), new_key("reserve")
        inventory.hold(other, supply)
        inventory.hold(key, supply, 2)
        inventory.provider.release(inventory.tenant, key)
        assert inventory.free(supply) == 2
        inventory.provider.release(inventory.tenant, key)
        inventory.provider.release(inventory.tenant, new_key("never-used"))
        assert inventory.free(supply) == 2

    @of_either_kind
    def test_holds_are_released_by_reference_any_number_of_times(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 3), new_key("reserve")
        one, two = _references(inventory.hold(key, supply, 2))
        inventory.provider.confirm(inventory.tenant, new_key("seats"), [two], [])
        inventory.provider.release_references(inventory.tenant, [one])
        assert inventory.free(supply) == 2
        inventory.provider.release_references(inventory.tenant, [one, two])
        inventory.provider.release_references(inventory.tenant, [])
        assert inventory.free(supply) == 3

    @of_either_kind
    def test_a_hold_expires(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key = inventory.supply(kind, 1), new_key("reserve")
        inventory.hold(key, supply, life=SHORT)
        with pytest.raises(SOLD_OUT):
            inventory.hold(new_key("reserve"), supply)
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 1

    @of_either_kind
    def test_a_hold_lasts_until_its_extension_and_is_never_shortened(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 1), new_key("reserve")
        held = _references(inventory.hold(key, supply, life=SHORT))
        inventory.provider.extend(inventory.tenant, held, inventory.until(LONG))
        inventory.provider.extend(inventory.tenant, held, inventory.until(SHORT))
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 0
        inventory.provider.confirm(inventory.tenant, new_key("seats"), held, [])

    @of_either_kind
    def test_a_call_with_a_released_hold_is_refused_and_changes_nothing(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        # What is lost may be of another kind than what is held.
        supply, lost = inventory.supply(kind, 2), [inventory.supply(each, 1) for each in _kinds(inventory)]
        held = _references(inventory.hold(new_key("reserve"), supply, life=SHORT))
        for each in lost:
            gone = new_key("reserve")
            references = _references(inventory.hold(gone, each))
            inventory.provider.release(inventory.tenant, gone)
            with pytest.raises(HoldIsGoneError):
                inventory.provider.extend(inventory.tenant, held + references, inventory.until(LONG))
            with pytest.raises(HoldIsGoneError):
                inventory.provider.confirm(inventory.tenant, new_key("seats"), references, held)
            with pytest.raises(HoldIsGoneError):
                inventory.provider.confirm(inventory.tenant, new_key("seats"), held + references, [])
        assert inventory.free(supply) == 1
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 2

    @of_either_kind
    def test_what_is_confirmed_is_sold_permanently_and_what_is_given_up_is_freed_with_it(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 2), new_key("seats")
        old = _references(inventory.hold(new_key("reserve"), supply))
        inventory.provider.confirm(inventory.tenant, new_key("seats"), old, [])
        new = _references(inventory.hold(new_key("reserve"), supply, life=SHORT))
        inventory.provider.confirm(inventory.tenant, key, new, old)
        inventory.provider.confirm(inventory.tenant, key, new, old)
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 1

    @of_either_kind
    def test_it_says_how_many_are_free_and_counts_own_holds_as_free(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, full = inventory.supply(kind, 3), inventory.supply(kind, 1)
        own = _references(inventory.hold(new_key("reserve"), supply, 2, life=SHORT))
        sold = _references(inventory.hold(new_key("reserve"), full))
        inventory.provider.confirm(inventory.tenant, new_key("seats"), sold, [])
        requests = [of_count(supply, 9), full]
        assert inventory.provider.free(inventory.tenant, requests, []) == [1, 0]
        assert inventory.provider.free(inventory.tenant, requests, [*own, *sold]) == [3, 1]
        assert inventory.provider.free(inventory.tenant, [], own) == []
        inventory.wait(2 * SHORT)
        assert inventory.provider.free(inventory.tenant, requests, []) == [3, 0]

    def test_it_does_not_say_what_is_free_on_an_unknown_service(self, inventory: InventoryUnderTest) -> None:
        known = inventory.supply("seat", 1)
        assert inventory.provider.free(inventory.tenant, [SeatRequest("no-such-service", 1), known], []) == [None, 1]


class ExternalInventoryContract(InventoryContract):
    """The contract of an external inventory, which must itself guarantee what a step guarantees for an embedded one."""

    def test_it_declares_itself_external(self, inventory: InventoryUnderTest) -> None:
        assert inventory.provider.external is True

    @of_either_kind
    def test_a_hold_after_its_release_is_refused(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, held, never = inventory.supply(kind, 2), new_key("reserve"), new_key("reserve")
        inventory.hold(held, supply)
        for key in (held, never):
            inventory.provider.release(inventory.tenant, key)
            with pytest.raises(HoldIsGoneError):
                inventory.hold(key, supply)
        assert inventory.free(supply) == 2

    @of_either_kind
    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_hold_is_a_fault_and_a_retry_holds_once(
        self, inventory: InventoryUnderTest, trouble: Trouble, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 3), new_key("reserve")
        self._assert_fault(inventory, trouble, lambda: inventory.hold(key, supply, 2))
        assert len(inventory.hold(key, supply, 2)) == 2
        assert inventory.free(supply) == 1

    @of_either_kind
    @pytest.mark.parametrize("trouble", Trouble)
    def test_any_other_failed_call_is_a_fault_and_can_be_retried(
        self, inventory: InventoryUnderTest, trouble: Trouble, kind: str
    ) -> None:
        supply, key, sale = inventory.supply(kind, 2), new_key("reserve"), new_key("seats")
        one, two = _references(inventory.hold(key, supply, 2))
        tenant, provider, until = inventory.tenant, inventory.provider, inventory.until(LONG)
        calls: tuple[Callable[[], object], ...] = (
            lambda: provider.free(tenant, [supply], []),
            lambda: provider.extend(tenant, [one, two], until),
            lambda: provider.confirm(tenant, sale, [one], [two]),
            lambda: provider.release_references(tenant, [one]),
            lambda: provider.release(tenant, key),
        )
        for call in calls:
            self._assert_fault(inventory, trouble, call)
            call()
        assert inventory.free(supply) == 2

    def _assert_fault(self, inventory: InventoryUnderTest, trouble: Trouble, call: Callable[[], object]) -> None:
        assert inventory.trouble, "an external inventory needs `trouble`: pass a FaultProxy"
        with inventory.trouble(trouble):
            assert_fault_within(inventory.call_timeout, call)


def _kinds(inventory: InventoryUnderTest) -> tuple[str, ...]:
    return KINDS if inventory.item else KINDS[:1]


def _kind_of(held: Held) -> str:
    return "seat" if isinstance(held, HeldSeat) else "unit"
