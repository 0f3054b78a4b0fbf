"""Units of products and supplements with a capacity: which pass from given-up lines, and which are held (rule G4)."""

from collections.abc import Iterator
from datetime import date, timedelta

from domain.orders import Unit
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine, StockWish
from domain.products import CapacityPer, Product, Supplement

MAX_DAYS = 366
"""The longest validity, in days, for which units are counted per day."""
Place = tuple[str | None, date | None]
"""A service, or a day."""


def plan_units(builder: PlanBuilder) -> None:
    """Give each planned line the units it needs: those that the order has free at that place, and else new ones."""
    wishes: dict[tuple[str, Place], list[str]] = {}
    for line in list(builder.adds.values()):
        places = list(_places(builder, line))
        if not places:
            continue
        kept = [unit for place in places if (unit := _take(builder, line.product, place)) is not None]
        have = {(unit.service, unit.day) for unit in kept}
        missing = [place for place in places if place not in have]
        for place in missing:
            wishes.setdefault((line.product, place), []).append(line.id)
        builder.update(line, kept_units=tuple(unit.id for unit in kept), units_to_hold=len(missing))
    for (item, (service, day)), lines in sorted(wishes.items(), key=lambda each: str(each[0])):
        builder.stock.append(StockWish(item=item, service=service, day=day, lines=tuple(lines)))


def needs_new_unit(builder: PlanBuilder, line: PlannedLine) -> bool:
    """Whether a line needs a unit that the order does not have free."""
    elsewhere = builder.reserved_elsewhere()
    free = {
        (each.item, each.service, each.day) for each in builder.order.units if each.live and each.id not in elsewhere
    }
    return any((line.product, *place) not in free for place in _places(builder, line))


def _places(builder: PlanBuilder, line: PlannedLine) -> Iterator[Place]:
    catalogue = builder.catalogue
    item = catalogue.supplements.get(line.product) if line.supplement_of else catalogue.products.get(line.product)
    if item is not None:
        yield from places_of(item, line.service, line.first_day, line.last_day)


def places_of(
    item: Product | Supplement, service: str | None, first_day: date, last_day: date | None
) -> Iterator[Place]:
    """Yield where a product or supplement with a capacity takes a unit each: on its service, else on its days."""
    if item.capacity is None:
        return
    if service:
        yield service, None
    elif item.capacity_per is CapacityPer.EACH_DAY and last_day:
        length = min((last_day - first_day).days + 1, MAX_DAYS)
        yield from ((None, first_day + timedelta(days=number)) for number in range(length))
    else:
        yield None, first_day


def _take(builder: PlanBuilder, item: str, place: Place) -> Unit | None:
    elsewhere = builder.reserved_elsewhere()
    for unit in builder.order.units:
        if unit.live and unit.item == item and (unit.service, unit.day) == place and unit.id not in elsewhere:
            builder.assigned.add(unit.id)
            return unit
    return None
