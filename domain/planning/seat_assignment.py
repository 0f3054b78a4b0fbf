"""Seat assignment: which seats pass from replaced lines to new ones, and which have to be held."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.lineage import ancestry
from domain.orders import Order, OrderLine, Reservation
from domain.planning.plan import SeatWish
from domain.refusals import SeatUnknown


@dataclass(frozen=True)
class Seated:
    """The seats of one line: reservations it keeps and the number of seats to hold."""

    keeps: tuple[str, ...]
    holds: int


def seats_in_hand(order: Order, replaced: Iterable[OrderLine], service: str, taken: Iterable[str]) -> list[Reservation]:
    """Return the order's own seats on a service that replaced lines or their predecessors had.

    So a draft that returns to the original departure gets the confirmed seat again, even on a full
    train. Seats of lines that stay and seats in `taken`, already assigned to a new line, are excluded.
    """
    lineage = ancestry(order, replaced)
    leaving = {line.id for line in lineage}
    used = {seat for line in order.live_lines if line.id not in leaving for seat in line.reservations}
    available = {seat for line in lineage for seat in line.reservations} - used - set(taken)
    seats = [each for each in order.reservations if each.id in available and each.service == service and each.live]
    return sorted(seats, key=lambda each: (each.coach, each.seat))


def assign_seats(
    lines: Sequence[tuple[str, int]], names: tuple[str, ...], in_hand: list[Reservation], service: str
) -> tuple[dict[str, Seated], SeatWish | None]:
    """Return the seats of each line (id, number of travellers), and the wish for seats that have to be held.

    Named seats are assigned in the order of the travellers. Without names the seats in hand are kept and
    the rest is held. Raises SeatUnknown when the number of names differs from the number of travellers.
    """
    count = sum(travellers for _, travellers in lines)
    if names and len(names) != count:
        raise SeatUnknown
    remaining = list(names) or [""] * count
    seated: dict[str, Seated] = {}
    to_hold: list[str] = []
    for line, travellers in lines:
        line_names, remaining = remaining[:travellers], remaining[travellers:]
        kept = [(name, _take(in_hand, name)) for name in line_names]
        missing = [name for name, seat in kept if seat is None]
        to_hold.extend(missing)
        seated[line] = Seated(keeps=tuple(seat.id for _, seat in kept if seat), holds=len(missing))
    if not to_hold:
        return seated, None
    ids = tuple(line for line, _ in lines)
    return seated, SeatWish(service=service, count=len(to_hold), names=tuple(filter(None, to_hold)), lines=ids)


def _take(in_hand: list[Reservation], name: str) -> Reservation | None:
    seat = next((each for each in in_hand if name in ("", each.name)), None)
    if seat:
        in_hand.remove(seat)
    return seat
