"""The contract of an inventory of seats and stock, as tests."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from providers.contracts.assertions import REFERENCE_LENGTH, new_key
from providers.contracts.inventory_under_test import (
    LONG,
    SHORT,
    SOLD_OUT,
    InventoryUnderTest,
    assert_nothing_held,
    kind_of,
    kinds_of,
    of_count,
    of_either_kind,
    only_seat,
    references_of,
)
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoStockLeftError, NoSuchSeatError, SeatIsTakenError
from providers.inventory_answers import check_held
from providers.protocols import FoundHold, HeldSeat, HoldState, SeatRequest, StockRequest


class InventoryContract:
    """The contract of every inventory. Give it a fixture `inventory` that returns an InventoryUnderTest."""

    def test_requested_seats_are_held_in_the_order_of_the_requests(self, inventory: InventoryUnderTest) -> None:
        first, second = inventory.train(3), inventory.train(3)
        held = inventory.hold_all(new_key("reserve"), [SeatRequest(second, 1), SeatRequest(first, 2)])
        assert [each.service for each in held] == [second, first, first]
        seats = [(each.service, each.coach, each.seat) for each in held if isinstance(each, HeldSeat)]
        assert len(set(seats)) == len(held)
        assert len(set(references_of(held))) == len(held)

    def test_requested_units_are_held_with_seats_in_the_order_of_the_requests(
        self, inventory: InventoryUnderTest
    ) -> None:
        one, other, seats = (inventory.supply(kind, 3) for kind in ("unit", "unit", "seat"))
        requests = [of_count(other, 2), seats, one]
        held = inventory.hold_all(new_key("reserve"), requests)
        assert [kind_of(each) for each in held] == ["unit", "unit", "seat", "unit"]
        units = [(each.item, each.service, each.day) for each in held if not isinstance(each, HeldSeat)]
        names = [(each.item, each.service, each.day) for each in (other, other, one) if isinstance(each, StockRequest)]
        assert units == names
        assert len(set(references_of(held))) == len(held)

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
        plenty, scarce = [inventory.supply(each, 2) for each in kinds_of(inventory)], inventory.supply(kind, 1)
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
        seat = only_seat(inventory.hold(key, train))
        name = f"{seat.coach}-{seat.seat:02}"
        with pytest.raises(SeatIsTakenError):
            inventory.hold(new_key("reserve"), train, 1, name)
        inventory.release(key)
        again = only_seat(inventory.hold(new_key("reserve"), train, 1, name))
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
        inventory.release(key)
        assert inventory.free(supply) == 2
        inventory.release(key)
        inventory.release(new_key("never-used"))
        assert inventory.free(supply) == 2

    @of_either_kind
    def test_holds_are_released_by_reference_any_number_of_times(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 3), new_key("reserve")
        one, two = references_of(inventory.hold(key, supply, 2))
        inventory.confirm(new_key("seats"), [two], [])
        inventory.release_references([one])
        assert inventory.free(supply) == 2
        inventory.release_references([one, two])
        inventory.release_references([])
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
        held = references_of(inventory.hold(key, supply, life=SHORT))
        inventory.provider.extend(inventory.tenant, held, inventory.until(LONG))
        inventory.provider.extend(inventory.tenant, held, inventory.until(SHORT))
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 0
        inventory.confirm(new_key("seats"), held, [])

    @of_either_kind
    def test_a_hold_lasts_until_the_time_that_is_answered(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key, requested = inventory.supply(kind, 1), new_key("reserve"), inventory.until(LONG)
        (held,) = inventory.hold(key, supply)
        assert held.until is None or inventory.now() < held.until <= requested + SHORT
        later = inventory.until(2 * LONG)
        answered = inventory.provider.extend(inventory.tenant, [held.reference], later)
        assert answered is None or inventory.now() < answered <= later
        if answered is not None and answered < later:
            inventory.wait(answered - inventory.now() - SHORT)
            assert inventory.free(supply) == 0
            inventory.wait(2 * SHORT)
            assert inventory.free(supply) == 1

    @of_either_kind
    def test_a_call_with_a_released_hold_is_refused_and_changes_nothing(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        # What is lost may be of another kind than what is held.
        supply, lost = inventory.supply(kind, 2), [inventory.supply(each, 1) for each in kinds_of(inventory)]
        held = references_of(inventory.hold(new_key("reserve"), supply, life=SHORT))
        for each in lost:
            gone = new_key("reserve")
            references = references_of(inventory.hold(gone, each))
            inventory.release(gone)
            with pytest.raises(HoldIsGoneError):
                inventory.provider.extend(inventory.tenant, held + references, inventory.until(LONG))
            with pytest.raises(HoldIsGoneError):
                inventory.confirm(new_key("seats"), references, held)
            with pytest.raises(HoldIsGoneError):
                inventory.confirm(new_key("seats"), held + references, [])
        assert inventory.free(supply) == 1
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 2

    @of_either_kind
    def test_what_is_confirmed_is_sold_permanently_and_what_is_given_up_is_freed_with_it(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 2), new_key("seats")
        old = references_of(inventory.hold(new_key("reserve"), supply))
        inventory.confirm(new_key("seats"), old, [])
        new = references_of(inventory.hold(new_key("reserve"), supply, life=SHORT))
        inventory.confirm(key, new, old)
        inventory.confirm(key, new, old)
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 1

    def test_an_answer_is_what_was_requested_and_no_seat_is_answered_to_two_keys(
        self, inventory: InventoryUnderTest
    ) -> None:
        one, other = inventory.supply("seat", 4), inventory.supply("seat", 3)
        all_of_it = inventory.hold(new_key("reserve"), other, 3)
        inventory.release_references(references_of(all_of_it))
        last = only_seat(all_of_it[2:])
        name = f"{last.coach}-{last.seat:02}"
        # `hold_all` compares.
        first = inventory.hold_all(new_key("reserve"), [of_count(one, 2), of_count(other, 1, name)])
        second = inventory.hold_all(new_key("reserve"), [of_count(one, 2), of_count(other, 2)])
        places = [(each.service, each.coach, each.seat) for each in [*first, *second] if isinstance(each, HeldSeat)]
        assert len(set(places)) == len(places)
        assert len(set(references_of([*first, *second]))) == len(places)

    @of_either_kind
    def test_what_a_key_holds_is_found_until_it_is_given_back(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key = inventory.supply(kind, 3), new_key("reserve")
        assert inventory.find(key) == FoundHold(HoldState.NOTHING)
        held = inventory.hold(key, supply, 2)
        found = inventory.find(key)
        assert found.state is HoldState.HELD
        check_held([of_count(supply, 2)], found.held, inventory.now())
        assert [replace(each, until=None) for each in found.held] == [replace(each, until=None) for each in held]
        inventory.release_references(references_of(held[:1]))
        assert references_of(inventory.find(key).held) == references_of(held[1:])
        inventory.release(key)
        assert_nothing_held(inventory.find(key))
        assert inventory.free(supply) == 3

    @of_either_kind
    def test_what_a_key_has_sold_is_found_as_sold(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key, other = inventory.supply(kind, 3), new_key("reserve"), new_key("reserve")
        held, given_up = inventory.hold(key, supply, 2, life=SHORT), inventory.hold(other, supply)
        inventory.confirm(new_key("seats"), references_of(held), references_of(given_up))
        assert_nothing_held(inventory.find(other))
        inventory.wait(2 * SHORT)
        found = inventory.find(key)
        assert (found.state, references_of(found.held)) == (HoldState.SOLD, references_of(held))

    @of_either_kind
    def test_a_hold_that_ended_in_mid_draft_is_gone_once_another_has_its_place(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key, other = inventory.supply(kind, 1), new_key("reserve"), new_key("reserve")
        held = references_of(inventory.hold(key, supply, life=SHORT))
        inventory.wait(2 * SHORT)
        assert_nothing_held(inventory.find(key))
        (theirs,) = inventory.hold(other, supply)
        with pytest.raises(HoldIsGoneError):
            inventory.provider.extend(inventory.tenant, held, inventory.until(LONG))
        with pytest.raises(HoldIsGoneError):
            inventory.confirm(new_key("seats"), held, [])
        with pytest.raises((HoldIsGoneError, *SOLD_OUT)):
            inventory.hold(key, supply)
        assert_nothing_held(inventory.find(key))
        assert references_of(inventory.find(other).held) == [theirs.reference]

    @of_either_kind
    def test_it_says_how_many_are_free_and_counts_own_holds_as_free(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, full = inventory.supply(kind, 3), inventory.supply(kind, 1)
        own = references_of(inventory.hold(new_key("reserve"), supply, 2, life=SHORT))
        sold = references_of(inventory.hold(new_key("reserve"), full))
        inventory.confirm(new_key("seats"), sold, [])
        requests = [of_count(supply, 9), full]
        assert inventory.provider.free(inventory.tenant, requests, []) == [1, 0]
        assert inventory.provider.free(inventory.tenant, requests, [*own, *sold]) == [3, 1]
        assert inventory.provider.free(inventory.tenant, [], own) == []
        inventory.wait(2 * SHORT)
        assert inventory.provider.free(inventory.tenant, requests, []) == [3, 0]

    def test_it_does_not_say_what_is_free_on_an_unknown_service(self, inventory: InventoryUnderTest) -> None:
        known = inventory.supply("seat", 1)
        assert inventory.provider.free(inventory.tenant, [SeatRequest("no-such-service", 1), known], []) == [None, 1]
