"""The way back to what was confirmed: it is not sold again but is as it was (rule G2)."""

from collections.abc import Collection

from domain.orders import OrderLine
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.planning.seat_assignment import Names, seat_names

AS_CONFIRMED = "AS_CONFIRMED"
"""Warning code: the line is the confirmed one again, at its price instead of the offer's."""


def find_way_back(builder: PlanBuilder, line: PlannedLine, chosen: Collection[str]) -> OrderLine | None:
    """Return the confirmed line that sells the same product, service and start to the same travellers.

    It must be one that the draft or this operation gives up: no live line that stays may carry its sale on.
    """
    staying = {each.sale for each in builder.staying()}
    for confirmed in builder.order.confirmed_lines:
        if confirmed.id not in chosen and confirmed.sale not in staying and _sale(confirmed) == _sale(line):
            return confirmed
    return None


def _sale(line: OrderLine | PlannedLine) -> tuple[object, ...]:
    return line.product, line.service, line.valid_from, frozenset(line.travellers), line.supplement_of is None


def go_back(builder: PlanBuilder, confirmed: OrderLine, line: PlannedLine, names: Names) -> bool:
    """Make a confirmed line live again, whole: with its price, rate, terms, seats, units and supplements.

    Returns False when the request names other seats, or when another line has its seats or units by now: then the
    sale is carried on by a new line.
    """
    if line.price != confirmed.price:
        builder.warn(AS_CONFIRMED, line=confirmed.id)
    current = seat_names(builder, confirmed)
    if any(current.get(traveller) != name for traveller, name in names.items()):
        return False
    if confirmed.live:
        builder.keep(confirmed)
        return True
    if {*confirmed.reservations, *confirmed.units} & builder.reserved_elsewhere():
        return False
    builder.restore(confirmed)
    _restore_supplements(builder, confirmed)
    return True


def _restore_supplements(builder: PlanBuilder, line: OrderLine) -> None:
    """Make the supplements that a restored line had in the confirmed version live again, instead of their copies."""
    elsewhere = builder.reserved_elsewhere()
    for supplement in builder.order.confirmed_lines:
        if supplement.supplement_of != line.id or supplement.live or elsewhere & set(supplement.units):
            continue
        copies = [each for each in builder.order.live_lines if each.sale == supplement.sale]
        builder.remove([each for each in copies if each.id not in builder.removes])
        builder.restore(supplement)
