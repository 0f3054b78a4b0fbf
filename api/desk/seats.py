"""Departures of a day, and the seats of one, coach by coach."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.model import is_code
from store.tables import ServiceRow
from store.views.seat_maps import Departure, MappedSeat, day_before, day_from, departures, seats_on, service

MOST_DEPARTURES = 200
MOST_SEATS = 2000


@dataclass(frozen=True)
class Day:
    """The departures of a day, and the days beside it that have some."""

    day: date
    departures: Sequence[Departure]
    earlier: date | None
    later: date | None


@dataclass(frozen=True)
class Coach:
    """A coach as it is drawn: rows of seats from front to back."""

    number: int
    rows: Sequence[Sequence[MappedSeat]]


@dataclass(frozen=True)
class SeatMap:
    """A departure with its coaches and how many seats are in which state."""

    service: ServiceRow
    coaches: Sequence[Coach]
    counts: Mapping[str, int]
    held: Sequence[MappedSeat]
    """Seats held, by whom and until when."""


def departures_of(ctx: ApiContext, day: date | None) -> Day:
    """Return a day's departures; without a day, those of the first day from today that has some."""
    with ctx.store.read() as tx:
        today = ctx.store.now().date()
        shown = day or day_from(tx, today) or today
        found = departures(tx, shown, MOST_DEPARTURES)
        later = None if shown == date.max else day_from(tx, shown + timedelta(days=1))
        return Day(shown, found, day_before(tx, shown), later)


def map_of(ctx: ApiContext, name: str) -> SeatMap:
    """Return a departure's seats. Raises SERVICE_NOT_FOUND."""
    with ctx.store.read() as tx:
        found = service(tx, name) if is_code(name) else None
        if found is None:
            raise ProblemError("SERVICE_NOT_FOUND")
        seats = seats_on(tx, name, MOST_SEATS)
    coaches: dict[int, dict[int, list[MappedSeat]]] = defaultdict(lambda: defaultdict(list))
    counts = {"free": 0, "held": 0, "confirmed": 0}
    for seat in seats:
        coaches[seat.coach][seat.row].append(seat)
        counts[seat.state] += 1
    drawn = [Coach(number, list(rows.values())) for number, rows in coaches.items()]
    return SeatMap(found, drawn, counts, held=[seat for seat in seats if seat.state == "held"])
