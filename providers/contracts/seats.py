"""The contract of a seat inventory, as tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from providers.contracts.assertions import REFERENCE_LENGTH, assert_fault_within, new_key
from providers.contracts.fault_proxy import Trouble
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import HeldSeat, SeatInventory, SeatRequest
from store.database.store import utc_now

SHORT, LONG = timedelta(seconds=2), timedelta(hours=1)


@dataclass(frozen=True)
class SeatsUnderTest:
    """A seat inventory, and what tests must be able to do with the system behind it."""

    provider: SeatInventory
    train: Callable[[int], str]
    """Adds a departure with this many free seats that no other test uses; returns its id."""
    wait: Callable[[timedelta], object]
    """Lets time pass for the inventory: moves its clock, or sleeps."""
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Injects a fault while a block lasts; None for an inventory without an external system."""
    now: Callable[[], datetime] = utc_now
    """The inventory's clock."""
    tenant: str = "default"
    call_timeout: timedelta = timedelta(seconds=15)
    """The longest that one call may take: an attempt at a step times out after 20 seconds."""

    def hold(self, key: str, service: str, count: int = 1, *names: str, life: timedelta = LONG) -> list[HeldSeat]:
        """Hold seats on one departure."""
        requests = [SeatRequest(service, count, names)]
        return self.provider.hold(self.tenant, key, requests, self.until(life))

    def until(self, life: timedelta) -> datetime:
        """Return the time at which a hold of this length ends if it begins now."""
        return self.now() + life

    def free(self, service: str) -> int:
        """Return how many seats of a departure are free: hold them one by one, then release them."""
        keys: list[str] = []
        while True:
            keys.append(new_key("count"))
            try:
                self.hold(keys[-1], service)
            except NoSeatsLeftError:
                for key in keys:
                    self.provider.release(self.tenant, key)
                return len(keys) - 1


def _references(seats: list[HeldSeat]) -> list[str]:
    return [seat.reference for seat in seats]


class SeatsContract:
    """The contract of every seat inventory. Give it a fixture `seats` that returns a SeatsUnderTest."""

    def test_requested_seats_are_held_in_the_order_of_the_requests(self, seats: SeatsUnderTest) -> None:
        first, second = seats.train(3), seats.train(3)
        requests = [SeatRequest(second, 1), SeatRequest(first, 2)]
        held = seats.provider.hold(seats.tenant, new_key("reserve"), requests, seats.until(LONG))
        assert [seat.service for seat in held] == [second, first, first]
        assert len({(seat.service, seat.coach, seat.seat) for seat in held}) == len(held)
        assert len(set(_references(held))) == len(held)

    def test_the_same_key_gets_the_same_seats(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(3), new_key("reserve")
        assert seats.hold(key, train, 2) == seats.hold(key, train, 2)
        assert seats.free(train) == 1

    def test_of_two_concurrent_holds_one_gets_the_last_seat(self, seats: SeatsUnderTest) -> None:
        train, keys = seats.train(1), [new_key("reserve"), new_key("reserve")]
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(seats.hold, key, train) for key in keys]
        errors = [each.exception() for each in attempts]
        assert sorted(type(each).__name__ for each in errors) == ["NoSeatsLeftError", "NoneType"]

    def test_all_seats_are_held_or_none(self, seats: SeatsUnderTest) -> None:
        plenty, scarce = seats.train(2), seats.train(1)
        requests = [SeatRequest(plenty, 2), SeatRequest(scarce, 2)]
        with pytest.raises(NoSeatsLeftError):
            seats.provider.hold(seats.tenant, new_key("reserve"), requests, seats.until(LONG))
        assert (seats.free(plenty), seats.free(scarce)) == (2, 1)

    def test_a_seat_requested_by_name_is_that_seat_or_refused(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(2), new_key("reserve")
        (seat,) = seats.hold(key, train)
        name = f"{seat.coach}-{seat.seat:02}"
        with pytest.raises(SeatIsTakenError):
            seats.hold(new_key("reserve"), train, 1, name)
        seats.provider.release(seats.tenant, key)
        (again,) = seats.hold(new_key("reserve"), train, 1, name)
        assert (again.coach, again.seat) == (seat.coach, seat.seat)

    def test_unknown_seats_and_services_are_refused(self, seats: SeatsUnderTest) -> None:
        with pytest.raises(NoSuchSeatError):
            seats.hold(new_key("reserve"), seats.train(1), 1, "98-99")
        with pytest.raises(NoSeatsLeftError):
            seats.hold(new_key("reserve"), "no-such-service")

    def test_references_fit_our_database(self, seats: SeatsUnderTest) -> None:
        (seat,) = seats.hold(new_key("reserve"), seats.train(1))
        assert 0 < len(seat.reference) <= REFERENCE_LENGTH

    def test_releasing_a_key_frees_its_seats_and_no_others(self, seats: SeatsUnderTest) -> None:
        train, key, other = seats.train(3), new_key("reserve"), new_key("reserve")
        seats.hold(other, train)
        seats.hold(key, train, 2)
        seats.provider.release(seats.tenant, key)
        assert seats.free(train) == 2
        seats.provider.release(seats.tenant, key)
        seats.provider.release(seats.tenant, new_key("never-used"))
        assert seats.free(train) == 2

    def test_seats_are_released_by_reference_any_number_of_times(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(3), new_key("reserve")
        one, two = _references(seats.hold(key, train, 2))
        seats.provider.confirm(seats.tenant, new_key("seats"), [two], [])
        seats.provider.release_references(seats.tenant, [one])
        assert seats.free(train) == 2
        seats.provider.release_references(seats.tenant, [one, two])
        seats.provider.release_references(seats.tenant, [])
        assert seats.free(train) == 3

    def test_a_hold_expires(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(1), new_key("reserve")
        seats.hold(key, train, life=SHORT)
        with pytest.raises(NoSeatsLeftError):
            seats.hold(new_key("reserve"), train)
        seats.wait(2 * SHORT)
        assert seats.free(train) == 1

    def test_a_hold_lasts_until_its_extension_and_is_never_shortened(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(1), new_key("reserve")
        held = _references(seats.hold(key, train, life=SHORT))
        seats.provider.extend(seats.tenant, held, seats.until(LONG))
        seats.provider.extend(seats.tenant, held, seats.until(SHORT))
        seats.wait(2 * SHORT)
        assert seats.free(train) == 0
        seats.provider.confirm(seats.tenant, new_key("seats"), held, [])

    def test_a_call_with_a_released_hold_is_refused_and_changes_nothing(self, seats: SeatsUnderTest) -> None:
        train, gone, kept = seats.train(2), new_key("reserve"), new_key("reserve")
        lost = _references(seats.hold(gone, train))
        held = _references(seats.hold(kept, train, life=SHORT))
        seats.provider.release(seats.tenant, gone)
        with pytest.raises(HoldIsGoneError):
            seats.provider.extend(seats.tenant, held + lost, seats.until(LONG))
        with pytest.raises(HoldIsGoneError):
            seats.provider.confirm(seats.tenant, new_key("seats"), lost, held)
        assert seats.free(train) == 1
        seats.wait(2 * SHORT)
        assert seats.free(train) == 2

    def test_confirmed_seats_are_sold_permanently_and_given_up_seats_are_freed_with_them(
        self, seats: SeatsUnderTest
    ) -> None:
        train, key = seats.train(2), new_key("seats")
        old = _references(seats.hold(new_key("reserve"), train))
        seats.provider.confirm(seats.tenant, new_key("seats"), old, [])
        new = _references(seats.hold(new_key("reserve"), train, life=SHORT))
        seats.provider.confirm(seats.tenant, key, new, old)
        seats.provider.confirm(seats.tenant, key, new, old)
        seats.wait(2 * SHORT)
        assert seats.free(train) == 1


class ExternalSeatsContract(SeatsContract):
    """The contract of an external inventory, which must itself guarantee what a step guarantees for an embedded one."""

    def test_it_declares_itself_external(self, seats: SeatsUnderTest) -> None:
        assert seats.provider.external is True

    def test_a_hold_after_its_release_is_refused(self, seats: SeatsUnderTest) -> None:
        train, held, never = seats.train(2), new_key("reserve"), new_key("reserve")
        seats.hold(held, train)
        for key in (held, never):
            seats.provider.release(seats.tenant, key)
            with pytest.raises(HoldIsGoneError):
                seats.hold(key, train)
        assert seats.free(train) == 2

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_hold_is_a_fault_and_a_retry_holds_once(self, seats: SeatsUnderTest, trouble: Trouble) -> None:
        train, key = seats.train(3), new_key("reserve")
        self._assert_fault(seats, trouble, lambda: seats.hold(key, train, 2))
        assert len(seats.hold(key, train, 2)) == 2
        assert seats.free(train) == 1

    @pytest.mark.parametrize("trouble", Trouble)
    def test_any_other_failed_call_is_a_fault_and_can_be_retried(self, seats: SeatsUnderTest, trouble: Trouble) -> None:
        train, key, sale = seats.train(2), new_key("reserve"), new_key("seats")
        one, two = _references(seats.hold(key, train, 2))
        tenant, provider, until = seats.tenant, seats.provider, seats.until(LONG)
        calls: tuple[Callable[[], None], ...] = (
            lambda: provider.extend(tenant, [one, two], until),
            lambda: provider.confirm(tenant, sale, [one], [two]),
            lambda: provider.release_references(tenant, [one]),
            lambda: provider.release(tenant, key),
        )
        for call in calls:
            self._assert_fault(seats, trouble, call)
            call()
        assert seats.free(train) == 2

    def _assert_fault(self, seats: SeatsUnderTest, trouble: Trouble, call: Callable[[], object]) -> None:
        assert seats.trouble, "an external inventory needs `trouble`: pass a FaultProxy"
        with seats.trouble(trouble):
            assert_fault_within(seats.call_timeout, call)
