"""Which seats pass from a replaced line to the next one, and which are to be held."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.lineage import ancestry
from domain.orders import Order, OrderLine, Reservation
from domain.planning.plan import SeatWish
from domain.refusals import SeatUnknown


@dataclass(frozen=True)
class Seated:
    """How one line comes to its seats."""

    keeps: tuple[str, ...]
    holds: int


def seats_in_hand(order: Order, replaced: Iterable[OrderLine], service: str, taken: Iterable[str]) -> list[Reservation]:
    """Return the order's own seats on a service that replaced lines, or those before them, bring along.

    A draft that goes back to the original departure finds the confirmed seat again, also on a full
    train. Seats of lines that stay, and those already given to a new line, are not in hand.
    """
    lineage = ancestry(order, replaced)
    leaving = {line.id for line in lineage}
    used = {seat for line in order.live_lines if line.id not in leaving for seat in line.reservations}
    mine = {seat for line in lineage for seat in line.reservations} - used - set(taken)
    found = [each for each in order.reservations if each.id in mine and each.service == service and each.live]
    return sorted(found, key=lambda each: (each.coach, each.seat))


def seat(
    lines: Sequence[tuple[str, int]], names: tuple[str, ...], in_hand: list[Reservation], service: str
) -> tuple[dict[str, Seated], SeatWish | None]:
    """Return how each line (id, travellers) is seated, and the wish for the seats still to be held.

    Named seats are taken in the order of the travellers; without names the seats in hand are kept
    and the rest is held. Raises SeatUnknown when the names do not match the travellers in number.
    """
    count = sum(travellers for _, travellers in lines)
    if names and len(names) != count:
        raise SeatUnknown
    wanted = list(names) or [""] * count
    seated: dict[str, Seated] = {}
    to_hold: list[str] = []
    for line, travellers in lines:
        mine, wanted = wanted[:travellers], wanted[travellers:]
        kept = [(name, _take(in_hand, name)) for name in mine]
        missing = [name for name, found in kept if found is None]
        to_hold.extend(missing)
        seated[line] = Seated(keeps=tuple(found.id for _, found in kept if found), holds=len(missing))
    if not to_hold:
        return seated, None
    ids = tuple(line for line, _ in lines)
    return seated, SeatWish(service=service, count=len(to_hold), names=tuple(filter(None, to_hold)), lines=ids)


def _take(in_hand: list[Reservation], name: str) -> Reservation | None:
    found = next((each for each in in_hand if name in ("", each.name)), None)
    if found:
        in_hand.remove(found)
    return found
