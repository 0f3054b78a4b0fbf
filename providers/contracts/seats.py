"""What a seat inventory must keep."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from providers.contracts.assertions import REFERENCE_LENGTH, a_fault_within, new_key
from providers.contracts.fault_proxy import Trouble
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoSuchSeatError, SeatIsTakenError
from providers.protocols import HeldSeat, SeatInventory, SeatRequest
from store.database.store import utc_now

SHORT, LONG = timedelta(seconds=2), timedelta(hours=1)


@dataclass(frozen=True)
class SeatsUnderTest:
    """A seat inventory, and what a test needs to be able to do around it."""

    provider: SeatInventory
    train: Callable[[int], str]
    """Put a departure with this many free seats that nobody else knows of, and return its id."""
    wait: Callable[[timedelta], object]
    """Let time pass for the inventory: move its clock, or sleep."""
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Make trouble while a block lasts; None for an inventory that nothing can come between."""
    now: Callable[[], datetime] = utc_now
    """The inventory's clock."""
    tenant: str = "default"
    patience: timedelta = timedelta(seconds=15)
    """How long one call may take at most: an attempt at a step is given up after 20 seconds."""

    def hold(self, key: str, service: str, count: int = 1, *names: str, life: timedelta = LONG) -> list[HeldSeat]:
        """Hold seats on one departure."""
        wanted = [SeatRequest(service, count, names)]
        return self.provider.hold(self.tenant, key, wanted, self.until(life))

    def until(self, life: timedelta) -> datetime:
        """Return the end of a life that begins now."""
        return self.now() + life

    def free(self, service: str) -> int:
        """Return how many seats a departure has left: hold them one by one, and give them back."""
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
    """Laws for every seat inventory. Give them a fixture `seats` that returns a SeatsUnderTest."""

    def test_as_many_seats_as_asked_in_the_order_asked(self, seats: SeatsUnderTest) -> None:
        first, second = seats.train(3), seats.train(3)
        wanted = [SeatRequest(second, 1), SeatRequest(first, 2)]
        held = seats.provider.hold(seats.tenant, new_key("reserve"), wanted, seats.until(LONG))
        assert [seat.service for seat in held] == [second, first, first]
        assert len({(seat.service, seat.coach, seat.seat) for seat in held}) == len(held)
        assert len(set(_references(held))) == len(held)

    def test_the_same_key_gets_the_same_seats(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(3), new_key("reserve")
        assert seats.hold(key, train, 2) == seats.hold(key, train, 2)
        assert seats.free(train) == 1

    def test_of_two_at_once_one_gets_the_last_seat(self, seats: SeatsUnderTest) -> None:
        train, keys = seats.train(1), [new_key("reserve"), new_key("reserve")]
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(seats.hold, key, train) for key in keys]
        said = [each.exception() for each in asked]
        assert sorted(type(each).__name__ for each in said) == ["NoSeatsLeftError", "NoneType"]

    def test_all_seats_are_held_or_none(self, seats: SeatsUnderTest) -> None:
        plenty, scarce = seats.train(2), seats.train(1)
        wanted = [SeatRequest(plenty, 2), SeatRequest(scarce, 2)]
        with pytest.raises(NoSeatsLeftError):
            seats.provider.hold(seats.tenant, new_key("reserve"), wanted, seats.until(LONG))
        assert (seats.free(plenty), seats.free(scarce)) == (2, 1)

    def test_a_seat_asked_for_by_name_is_that_seat_or_refused(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(2), new_key("reserve")
        (seat,) = seats.hold(key, train)
        name = f"{seat.coach}-{seat.seat:02}"
        with pytest.raises(SeatIsTakenError):
            seats.hold(new_key("reserve"), train, 1, name)
        seats.provider.release(seats.tenant, key)
        (again,) = seats.hold(new_key("reserve"), train, 1, name)
        assert (again.coach, again.seat) == (seat.coach, seat.seat)

    def test_what_it_does_not_have_is_refused(self, seats: SeatsUnderTest) -> None:
        with pytest.raises(NoSuchSeatError):
            seats.hold(new_key("reserve"), seats.train(1), 1, "98-99")
        with pytest.raises(NoSeatsLeftError):
            seats.hold(new_key("reserve"), "no-such-service")

    def test_references_fit_our_books(self, seats: SeatsUnderTest) -> None:
        (seat,) = seats.hold(new_key("reserve"), seats.train(1))
        assert 0 < len(seat.reference) <= REFERENCE_LENGTH

    def test_released_seats_are_free_and_nobody_elses_are(self, seats: SeatsUnderTest) -> None:
        train, mine, theirs = seats.train(3), new_key("reserve"), new_key("reserve")
        seats.hold(theirs, train)
        seats.hold(mine, train, 2)
        seats.provider.release(seats.tenant, mine)
        assert seats.free(train) == 2
        seats.provider.release(seats.tenant, mine)
        seats.provider.release(seats.tenant, new_key("never-asked"))
        assert seats.free(train) == 2

    def test_seats_are_given_back_by_name_as_often_as_one_likes(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(3), new_key("reserve")
        one, two = _references(seats.hold(key, train, 2))
        seats.provider.confirm(seats.tenant, new_key("seats"), [two], [])
        seats.provider.release_references(seats.tenant, [one])
        assert seats.free(train) == 2
        seats.provider.release_references(seats.tenant, [one, two])
        seats.provider.release_references(seats.tenant, [])
        assert seats.free(train) == 3

    def test_a_hold_ends_by_itself(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(1), new_key("reserve")
        seats.hold(key, train, life=SHORT)
        with pytest.raises(NoSeatsLeftError):
            seats.hold(new_key("reserve"), train)
        seats.wait(2 * SHORT)
        assert seats.free(train) == 1

    def test_a_hold_outlives_what_it_is_extended_to_and_is_never_shortened(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(1), new_key("reserve")
        held = _references(seats.hold(key, train, life=SHORT))
        seats.provider.extend(seats.tenant, held, seats.until(LONG))
        seats.provider.extend(seats.tenant, held, seats.until(SHORT))
        seats.wait(2 * SHORT)
        assert seats.free(train) == 0
        seats.provider.confirm(seats.tenant, new_key("seats"), held, [])

    def test_a_hold_that_is_gone_is_refused_and_nothing_is_done(self, seats: SeatsUnderTest) -> None:
        train, gone, kept = seats.train(2), new_key("reserve"), new_key("reserve")
        lost = _references(seats.hold(gone, train))
        mine = _references(seats.hold(kept, train, life=SHORT))
        seats.provider.release(seats.tenant, gone)
        with pytest.raises(HoldIsGoneError):
            seats.provider.extend(seats.tenant, mine + lost, seats.until(LONG))
        with pytest.raises(HoldIsGoneError):
            seats.provider.confirm(seats.tenant, new_key("seats"), lost, mine)
        assert seats.free(train) == 1
        seats.wait(2 * SHORT)
        assert seats.free(train) == 2

    def test_confirmed_seats_are_ours_for_good_and_others_are_given_up_with_them(self, seats: SeatsUnderTest) -> None:
        train, key = seats.train(2), new_key("seats")
        old = _references(seats.hold(new_key("reserve"), train))
        seats.provider.confirm(seats.tenant, new_key("seats"), old, [])
        new = _references(seats.hold(new_key("reserve"), train, life=SHORT))
        seats.provider.confirm(seats.tenant, key, new, old)
        seats.provider.confirm(seats.tenant, key, new, old)
        seats.wait(2 * SHORT)
        assert seats.free(train) == 1


class OutsideSeatsContract(SeatsContract):
    """Laws for an inventory outside our database: it keeps by itself what an embedded one leaves to the step."""

    def test_it_says_that_it_is_outside(self, seats: SeatsUnderTest) -> None:
        assert seats.provider.external is True

    def test_a_hold_that_comes_after_its_release_is_refused(self, seats: SeatsUnderTest) -> None:
        train, held, never = seats.train(2), new_key("reserve"), new_key("reserve")
        seats.hold(held, train)
        for key in (held, never):
            seats.provider.release(seats.tenant, key)
            with pytest.raises(HoldIsGoneError):
                seats.hold(key, train)
        assert seats.free(train) == 2

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_hold_in_trouble_is_a_fault_and_asked_again_held_once(
        self, seats: SeatsUnderTest, trouble: Trouble
    ) -> None:
        train, key = seats.train(3), new_key("reserve")
        self._in(seats, trouble, lambda: seats.hold(key, train, 2))
        assert len(seats.hold(key, train, 2)) == 2
        assert seats.free(train) == 1

    @pytest.mark.parametrize("trouble", Trouble)
    def test_whatever_else_is_in_trouble_is_a_fault_and_can_be_asked_again(
        self, seats: SeatsUnderTest, trouble: Trouble
    ) -> None:
        train, key, sale = seats.train(2), new_key("reserve"), new_key("seats")
        one, two = _references(seats.hold(key, train, 2))
        tenant, provider, until = seats.tenant, seats.provider, seats.until(LONG)
        acts: tuple[Callable[[], None], ...] = (
            lambda: provider.extend(tenant, [one, two], until),
            lambda: provider.confirm(tenant, sale, [one], [two]),
            lambda: provider.release_references(tenant, [one]),
            lambda: provider.release(tenant, key),
        )
        for act in acts:
            self._in(seats, trouble, act)
            act()
        assert seats.free(train) == 2

    def _in(self, seats: SeatsUnderTest, trouble: Trouble, act: Callable[[], object]) -> None:
        assert seats.trouble, "an inventory outside has trouble; hand a Troublemaker in"
        with seats.trouble(trouble):
            a_fault_within(seats.patience, act)
