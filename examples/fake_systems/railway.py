"""A fake railway: holds and sells the seats of departures, and stock such as places for bicycles."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.money import Money
from store.database.store import utc_now

Place = tuple[str, str | int, int]
"""Service, coach and seat; or item, service or day, and unit."""


@dataclass(frozen=True)
class Seats:
    """Seats requested on a departure: those with these names, or any."""

    service: str
    count: int
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Units:
    """Units of an item requested on a departure or a day."""

    item: str
    service: str | None
    day: str | None
    count: int


class RailwayRefusalError(Exception):
    """The railway refuses, with an error code and what is refused, or its price."""

    def __init__(self, code: str, refused: Seats | Units | None = None, price: Money | None = None) -> None:
        super().__init__(code)
        self.refused = refused
        self.price = price


@dataclass
class Hold:
    """A seat or unit that is held until a time, or sold (`until` is None)."""

    reference: str
    key: str
    place: Place
    until: datetime | None
    requested: Seats | Units
    """The request for which it is held."""


@dataclass
class Railway:
    """Keeps holds in memory. A key that is released before it is used is kept too, so it can hold nothing."""

    now: Callable[[], datetime] = utc_now
    seats: dict[str, list[Place]] = field(default_factory=dict)
    capacities: dict[str, int] = field(default_factory=dict)
    """The units of each item that a departure or day has."""
    holds: dict[str, Hold] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    """The keys under which something was ever held."""
    released: set[str] = field(default_factory=set)
    longest: timedelta | None = None
    """How long a hold lasts at most from now on, when it begins or is extended; None: as long as requested."""
    extension_price: Money | None = None
    """What each extension costs, so that none is made without it being paid; None: nothing."""
    slow: bool = False
    """Whether it only accepts sales and releases; `catch_up` does them."""
    accepted: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What is accepted and not done yet."""
    selling: set[str] = field(default_factory=set)
    """The references of holds whose sale is accepted: they do not end meanwhile."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: int = 0

    def put(self, service: str, coaches: int, seats_per_coach: int) -> None:
        """Add a departure."""
        coach_seats = [(coach + 1, seat + 1) for coach in range(coaches) for seat in range(seats_per_coach)]
        self.seats[service] = [(service, coach, seat) for coach, seat in coach_seats]

    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        """Hold seats and units under a key, all or none."""
        with self._lock:
            earlier = self._of_key(key)
            if earlier:
                return earlier
            if key in self.released or key in self.used:
                raise RailwayRefusalError("gone")
            places: list[tuple[Place, Seats | Units]] = []
            for each in requests:
                chosen = self._choose(each, [place for place, _ in places])
                places += [(place, each) for place in chosen]
            return [self._held(key, place, each, self._allowed(until)) for place, each in places]

    def find(self, key: str) -> tuple[str, list[Hold]]:
        """Return what became of a key, and what is held or sold under it."""
        with self._lock:
            holds = self._of_key(key)
            if holds:
                return "held" if any(hold.until for hold in holds) else "sold", holds
            return "given_back" if key in self.used or key in self.released else "nothing", []

    def book(self, after: str, limit: int) -> list[Hold]:
        """Return all that is held or sold, by reference, from the one after a reference on."""
        with self._lock:
            self._drop_expired()
            return sorted((each for each in self.holds.values() if each.reference > after), key=_reference)[:limit]

    def _of_key(self, key: str) -> list[Hold]:
        self._drop_expired()
        return [hold for hold in self.holds.values() if hold.key == key]

    def free(self, requests: Sequence[Seats | Units], own: Sequence[str]) -> list[int | None]:
        """Return how many seats or units are free, own ones included; None for an unknown departure or item."""
        with self._lock:
            return [self._count(each, own) for each in requests]

    def _count(self, each: Seats | Units, own: Sequence[str]) -> int | None:
        if each.service not in self.seats if isinstance(each, Seats) else each.item not in self.capacities:
            return None
        return len(self._free(self._places(each), [], own))

    def _places(self, each: Seats | Units) -> list[Place]:
        if isinstance(each, Seats):
            return self.seats.get(each.service, [])
        return [(each.item, each.service or each.day or "", unit + 1) for unit in range(self.capacities[each.item])]

    def _drop_expired(self) -> None:
        expired = [hold.reference for hold in self.holds.values() if hold.until and hold.until <= self.now()]
        for reference in set(expired) - self.selling:
            del self.holds[reference]

    def _free(self, places: list[Place], but: list[Place], own: Sequence[str] = ()) -> list[Place]:
        self._drop_expired()
        taken = {hold.place for hold in self.holds.values() if hold.reference not in own}.union(but)
        return [place for place in places if place not in taken]

    def _choose(self, each: Seats | Units, but: list[Place]) -> list[Place]:
        if isinstance(each, Seats) and each.names:
            return self._named(each, but)
        free = self._free(self._places(each), but)
        if len(free) < each.count:
            raise RailwayRefusalError("sold_out" if isinstance(each, Seats) else "no_stock", each)
        return free[: each.count]

    def _named(self, seats: Seats, but: list[Place]) -> list[Place]:
        parts = [name.partition("-") for name in seats.names]
        places: list[Place] = [(seats.service, int(coach), int(seat)) for coach, _, seat in parts]
        if not set(places) <= set(self._places(seats)):
            raise RailwayRefusalError("no_such_seat")
        if not set(places) <= set(self._free(self._places(seats), but)):
            raise RailwayRefusalError("taken")
        return places

    def _held(self, key: str, place: Place, requested: Seats | Units, until: datetime) -> Hold:
        self._numbers += 1
        self.used.add(key)
        hold = Hold(f"R{self._numbers:06}", key, place, until, requested)
        self.holds[hold.reference] = hold
        return hold

    def release(self, key: str) -> bool:
        """Release what is held under a key; from then on the key can hold nothing. Return whether it is done."""
        with self._lock:
            self.released.add(key)
            of_key = [hold.reference for hold in self.holds.values() if hold.key == key]
            return self._do(f"release {key}", lambda: self._free_up(of_key))

    def release_references(self, references: list[str]) -> bool:
        """Release held or sold seats and units; return whether it is done."""
        with self._lock:
            return self._do(f"release {references}", lambda: self._free_up(references))

    def extend(self, references: list[str], until: datetime) -> datetime | None:
        """Extend holds, all or none; return until when all of them last, None if all are sold."""
        with self._lock:
            self._check_held(references)
            if self.extension_price:
                raise RailwayRefusalError("costs_money", price=self.extension_price)
            holds = [self.holds[each] for each in references]
            for hold in holds:
                hold.until = max(hold.until, self._allowed(until)) if hold.until else None
            return min((hold.until for hold in holds if hold.until), default=None)

    def _allowed(self, until: datetime) -> datetime:
        return min(until, self.now() + self.longest) if self.longest else until

    def sell(self, taken: list[str], given_up: list[str]) -> bool:
        """Sell seats and units and give up others, all or none; return whether it is done."""

        def sell() -> None:
            self.selling.difference_update(taken)
            for reference in taken:
                self.holds[reference].until = None
            self._free_up(given_up)

        with self._lock:
            self._check_held(taken)
            if self.slow:
                self.selling.update(taken)
            return self._do(f"sell {taken} {given_up}", sell)

    def catch_up(self) -> None:
        """Do all that is accepted, and from now on everything at once."""
        with self._lock:
            self.slow = False
            for act in self.accepted.values():
                act()
            self.accepted.clear()

    def _do(self, name: str, act: Callable[[], None]) -> bool:
        if self.slow:
            self.accepted[name] = act
        else:
            act()
        return not self.slow

    def _check_held(self, references: list[str]) -> None:
        self._drop_expired()
        if not set(references) <= set(self.holds):
            raise RailwayRefusalError("gone")

    def _free_up(self, references: list[str]) -> None:
        for reference in references:
            self.holds.pop(reference, None)


def _reference(hold: Hold) -> str:
    return hold.reference
