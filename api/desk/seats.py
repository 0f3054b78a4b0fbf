"""Data of the seat pages: the departures of a day, and the seat map of one departure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.model import is_code
from store.tables import ServiceRow
from store.views.seat_maps import Departure, MappedSeat, day_before, day_from, departures, seats_on, service

MAX_DEPARTURES = 200
MAX_SEATS = 2000


@dataclass(frozen=True)
class Day:
    """The departures of a day, and the nearest earlier and later days with departures."""

    day: date
    departures: Sequence[Departure]
    earlier: date | None
    later: date | None


@dataclass(frozen=True)
class Coach:
    """A coach of a seat map: rows of seats from front to back."""

    number: int
    rows: Sequence[Sequence[MappedSeat]]


@dataclass(frozen=True)
class SeatMap:
    """A departure with its coaches, and the number of seats in each state."""

    service: ServiceRow
    coaches: Sequence[Coach]
    counts: Mapping[str, int]
    held: Sequence[MappedSeat]
    """The held seats, each with its order and expiry."""


def departures_of(ctx: ApiContext, day: date | None) -> Day:
    """Return a day's departures; without a day, those of the first day from today that has departures."""
    with ctx.store.read() as tx:
        today = ctx.store.now().date()
        shown = day or day_from(tx, today) or today
        later = None if shown == date.max else day_from(tx, shown + timedelta(days=1))
        return Day(shown, departures(tx, shown, MAX_DEPARTURES), day_before(tx, shown), later)


def map_of(ctx: ApiContext, name: str) -> SeatMap:
    """Return a departure's seat map. Raises SERVICE_NOT_FOUND."""
    with ctx.store.read() as tx:
        service_row = service(tx, name) if is_code(name) else None
        if service_row is None:
            raise ProblemError("SERVICE_NOT_FOUND")
        seats = seats_on(tx, name, MAX_SEATS)
    coaches: dict[int, dict[int, list[MappedSeat]]] = defaultdict(lambda: defaultdict(list))
    counts = {"free": 0, "held": 0, "confirmed": 0}
    for seat in seats:
        coaches[seat.coach][seat.row].append(seat)
        counts[seat.state] += 1
    drawn = [Coach(number, list(rows.values())) for number, rows in coaches.items()]
    return SeatMap(service_row, drawn, counts, held=[seat for seat in seats if seat.state == "held"])
