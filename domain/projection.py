"""The order as a confirmation of its draft would leave it, compared with its confirmed version."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.orders import Order, OrderLine, PriceGroup
from domain.planning.plan import Plan, PlannedLine
from domain.travellers import Traveller

Line = OrderLine | PlannedLine


@dataclass(frozen=True)
class Projection:
    """What a draft leaves. A line that carries an earlier sale on is the same sale: neither given up nor taken."""

    lines: tuple[Line, ...]
    given_up: tuple[OrderLine, ...]
    """Lines of the confirmed version whose sale is given up."""
    taken: tuple[Line, ...]
    """Lines whose sale is not part of the confirmed version."""
    travellers: Mapping[str, Traveller]
    groups: tuple[PriceGroup, ...]


def project(order: Order, plan: Plan | None = None) -> Projection:
    """Return what the draft leaves, with a planned change or as it is."""
    removed, restored = (set(plan.removes), set(plan.restores)) if plan else (set(), set())
    staying = [each for each in order.lines if (each.live and each.id not in removed) or each.id in restored]
    lines: tuple[Line, ...] = (*staying, *(plan.adds if plan else ()))
    sales = {line.sale for line in lines}
    confirmed = {line.sale for line in order.confirmed_lines}
    return Projection(
        lines=lines,
        given_up=tuple(line for line in order.confirmed_lines if line.sale not in sales),
        taken=tuple(line for line in lines if line.sale not in confirmed),
        travellers={each.id: each for each in (*order.travellers, *(plan.travellers if plan else ()))},
        groups=_groups(order, plan),
    )


def _groups(order: Order, plan: Plan | None) -> tuple[PriceGroup, ...]:
    if plan is None:
        return order.groups
    return (*(each for each in order.groups if each.id not in plan.ended_groups), *plan.groups)
