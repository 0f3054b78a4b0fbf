"""A fake railway: holds and sells the seats of departures."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from store.database.store import utc_now

Place = tuple[str, int, int]
"""Service, coach and seat."""


class RailwayRefusalError(Exception):
    """The railway refuses; the text is its error code."""


@dataclass
class Hold:
    """A seat that is held until a time, or sold (`until` is None)."""

    reference: str
    key: str
    place: Place
    until: datetime | None


@dataclass
class Railway:
    """Keeps holds in memory. A key that is released before it is used is kept too, so it can hold nothing."""

    now: Callable[[], datetime] = utc_now
    seats: dict[str, list[Place]] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    released: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: int = 0

    def put(self, service: str, coaches: int, seats_per_coach: int) -> None:
        """Add a departure."""
        coach_seats = [(coach + 1, seat + 1) for coach in range(coaches) for seat in range(seats_per_coach)]
        self.seats[service] = [(service, coach, seat) for coach, seat in coach_seats]

    def hold(self, key: str, requests: Sequence[tuple[str, int, list[str]]], until: datetime) -> list[Hold]:
        """Hold seats under a key, all or none."""
        with self._lock:
            if key in self.released:
                raise RailwayRefusalError("gone")
            earlier = [hold for hold in self.holds.values() if hold.key == key]
            if earlier:
                return earlier
            places: list[Place] = []
            for service, count, names in requests:
                places += self._named(service, names, places) if names else self._any(service, count, places)
            return [self._held(key, place, until) for place in places]

    def _free(self, service: str, but: list[Place]) -> list[Place]:
        expired = [hold.reference for hold in self.holds.values() if hold.until and hold.until <= self.now()]
        for reference in expired:
            del self.holds[reference]
        taken = {hold.place for hold in self.holds.values()}.union(but)
        return [place for place in self.seats.get(service, []) if place not in taken]

    def _any(self, service: str, count: int, but: list[Place]) -> list[Place]:
        free = self._free(service, but)
        if len(free) < count:
            raise RailwayRefusalError("sold_out")
        return free[:count]

    def _named(self, service: str, names: list[str], but: list[Place]) -> list[Place]:
        free = self._free(service, but)
        places = [(service, int(name.partition("-")[0]), int(name.partition("-")[2])) for name in names]
        if not set(places) <= set(self.seats.get(service, [])):
            raise RailwayRefusalError("no_such_seat")
        if not set(places) <= set(free):
            raise RailwayRefusalError("taken")
        return places

    def _held(self, key: str, place: Place, until: datetime) -> Hold:
        self._numbers += 1
        hold = Hold(f"R{self._numbers:06}", key, place, until)
        self.holds[hold.reference] = hold
        return hold

    def release(self, key: str) -> None:
        """Release the seats held under a key; from then on the key can hold nothing."""
        with self._lock:
            self.released.add(key)
            self._free_seats([hold.reference for hold in self.holds.values() if hold.key == key])

    def release_references(self, references: list[str]) -> None:
        """Release held or sold seats."""
        with self._lock:
            self._free_seats(references)

    def extend(self, references: list[str], until: datetime) -> None:
        """Extend holds, all or none."""
        with self._lock:
            self._check_held(references)
            for hold in (self.holds[each] for each in references):
                hold.until = max(hold.until, until) if hold.until else None

    def sell(self, taken: list[str], given_up: list[str]) -> None:
        """Sell seats and give up others, all or none."""
        with self._lock:
            self._check_held(taken)
            for reference in taken:
                self.holds[reference].until = None
            self._free_seats(given_up)

    def _check_held(self, references: list[str]) -> None:
        if not set(references) <= set(self.holds):
            raise RailwayRefusalError("gone")

    def _free_seats(self, references: list[str]) -> None:
        for reference in references:
            self.holds.pop(reference, None)
