"""Seat assignment: everybody keeps the seat they had; seats of those who leave pass to newcomers (rule P3)."""

from collections.abc import Iterable, Mapping, Sequence

from domain.orders import OrderLine, Reservation, TravellerSeat
from domain.planning.builder import Line, PlanBuilder
from domain.planning.plan import PlannedLine, SeatWish
from domain.refusals import SeatUnknown

Names = Mapping[str, str]
"""The seats that a request names, by traveller."""


def seated(line: Line) -> tuple[str, ...]:
    """Return the travellers of a line who have a seat; a lap infant has none."""
    without = {band.traveller for band in line.age_bands if not band.seat}
    return tuple(each for each in line.travellers if each not in without)


def distribute_names(names: Sequence[str], lines: Sequence[PlannedLine]) -> dict[str, dict[str, str]]:
    """Return the named seats of each line, by traveller: one per traveller who has a seat, in the lines' order.

    Raises SeatUnknown when their number differs.
    """
    places = [(line.id, each) for line in lines if line.service for each in seated(line)]
    if names and len(names) != len(places):
        raise SeatUnknown
    by_line: dict[str, dict[str, str]] = {line.id: {} for line in lines}
    for (line, traveller), name in zip(places, names, strict=False):
        by_line[line][traveller] = name
    return by_line


def seat_names(builder: PlanBuilder, line: OrderLine) -> dict[str, str]:
    """Return the names of the seats that a line of the order has, by traveller."""
    names = {each.id: each.name for each in builder.order.reservations}
    return {seat.traveller: names[seat.reservation] for seat in line.seats}


class SeatAssignment:
    """The seats of one operation's new lines on one service."""

    def __init__(self, builder: PlanBuilder, service: str, old: Sequence[OrderLine], staying: set[str]) -> None:
        self._builder = builder
        self._service = service
        self._staying = staying
        """Travellers on lines that the operation takes on the service."""
        elsewhere = builder.reserved_elsewhere()
        self._free = {
            each.id: each
            for each in builder.order.reservations
            if each.live and each.service == service and each.id not in elsewhere
        }
        self.old = _with_ancestors(builder.order.lines, old)
        """The lines that the operation gives up, and all that they replaced."""

    def assign(self, line: PlannedLine, names: Names) -> tuple[TravellerSeat, ...]:
        """Give the travellers of a line the seats named for them, or else the seats they had."""
        kept = []
        for traveller in seated(line):
            name = names.get(traveller)
            seat = self._named(name) if name else self._own(line, traveller)
            if seat:
                kept.append(TravellerSeat(traveller=traveller, reservation=self._take(seat).id))
        return tuple(kept)

    def pass_on(self, line: PlannedLine, travellers: Iterable[str]) -> tuple[TravellerSeat, ...]:
        """Give newcomers on a line the seats of travellers who leave in this operation."""
        left = sorted(self._of_leavers(line), key=lambda each: (each.coach, each.seat))
        return tuple(
            TravellerSeat(traveller=traveller, reservation=self._take(seat).id)
            for traveller, seat in zip(travellers, left, strict=False)
        )

    def _take(self, seat: Reservation) -> Reservation:
        self._builder.assigned.add(seat.id)
        return self._free.pop(seat.id)

    def _named(self, name: str) -> Reservation | None:
        return next((each for each in self._free.values() if each.name == name), None)

    def _own(self, line: PlannedLine, traveller: str) -> Reservation | None:
        before = [*self.old, *self._builder.order.confirmed_lines]
        for earlier in (each for each in before if self._same_seating(each, line)):
            for seat in earlier.seats:
                if seat.traveller == traveller and seat.reservation in self._free:
                    return self._free[seat.reservation]
        return None

    def _of_leavers(self, line: PlannedLine) -> list[Reservation]:
        return [
            self._free[seat.reservation]
            for earlier in self.old
            if self._same_seating(earlier, line)
            for seat in earlier.seats
            if seat.traveller not in self._staying and seat.reservation in self._free
        ]

    def _same_seating(self, one: Line, other: Line) -> bool:
        products = (self._builder.product(one), self._builder.product(other))
        return len({product.seating for product in products if product}) < len(products)


def assign_seats(
    builder: PlanBuilder,
    lines: Sequence[PlannedLine],
    names: Mapping[str, Names],
    old: Sequence[OrderLine],
    targets: Sequence[Line],
) -> None:
    """Assign the seats of planned lines: first those named and those kept, then those of leavers; hold the rest.

    `names` are the named seats of each line, and `targets` all lines that the operation takes: who is on none of them
    on a service has left it.
    """
    for service in dict.fromkeys(line.service for line in lines if line.service):
        on_it = [line for line in lines if line.service == service]
        aboard = {each for line in targets if line.service == service for each in line.travellers}
        assignment = SeatAssignment(builder, service, old, aboard)
        kept = {line.id: assignment.assign(line, names[line.id]) for line in on_it}
        # Who was on it earlier in the draft only comes to it anew.
        were_on_it = {each for line in old if line.service == service for each in line.travellers}
        for line in on_it:
            have = {seat.traveller for seat in kept[line.id]}
            came = [each for each in seated(line) if each not in have | set(names[line.id]) | were_on_it]
            kept[line.id] += assignment.pass_on(line, came)
            builder.update(line, kept_seats=kept[line.id])


def hold_missing(builder: PlanBuilder, lines: Sequence[PlannedLine], names: Mapping[str, Names]) -> None:
    """Plan the holds of the seats that planned lines still lack, together on each service."""
    for service in dict.fromkeys(line.service for line in lines if line.service):
        on_it = [builder.adds[line.id] for line in lines if line.service == service]
        missing = {line.id: _missing(line) for line in on_it}
        for line in on_it:
            builder.update(line, seats_to_hold=missing[line.id])
        count = sum(map(len, missing.values()))
        if count:
            requested = tuple(
                names[line][each] for line, held in missing.items() for each in held if each in names[line]
            )
            holding = tuple(line for line, held in missing.items() if held)
            beside = _own_names(builder, service)
            builder.seats.append(SeatWish(service=service, count=count, names=requested, beside=beside, lines=holding))


def _missing(line: PlannedLine) -> tuple[str, ...]:
    have = {seat.traveller for seat in line.kept_seats}
    return tuple(each for each in seated(line) if each not in have)


def _own_names(builder: PlanBuilder, service: str) -> tuple[str, ...]:
    used = builder.reserved_elsewhere()
    return tuple(each.name for each in builder.order.reservations if each.id in used and each.service == service)


def _with_ancestors(lines: Sequence[OrderLine], old: Sequence[OrderLine]) -> list[OrderLine]:
    """Return these lines, and then all that they replaced, directly or through others."""
    by_id = {line.id: line for line in lines}
    found: dict[str, OrderLine] = {}
    pending = list(old)
    while pending:
        line = pending.pop(0)
        if line.id not in found:
            found[line.id] = line
            pending.extend(by_id[earlier] for earlier in line.replaces if earlier in by_id)
    return list(found.values())
