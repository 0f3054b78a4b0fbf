"""Joins what a change moves with the draft's price groups (rule M1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.changes import ChangeRequest
from domain.orders import Order, PriceGroup
from domain.planning.builder import Movement, PlanBuilder


@dataclass
class _Group:
    given_up: dict[str, None]
    taken: dict[str, None]
    refund: bool | None
    earlier: frozenset[str]
    """Ids of the draft's groups that became part of this one."""
    changed: bool = False


def regroup(builder: PlanBuilder, change: str) -> tuple[tuple[PriceGroup, ...], tuple[str, ...]]:
    """Return the price groups that a change makes or changes, and the ids of those that ended.

    Before the first confirmation nothing can be given up that was paid for, so there are no groups.
    """
    order = builder.order
    if not order.confirmed_version:
        return (), ()
    groups = [
        _Group(dict.fromkeys(each.given_up), dict.fromkeys(each.taken), each.refund, frozenset({each.id}))
        for each in order.groups
    ]
    live = {line.sale for line in builder.lines()}
    confirmed = {line.sale for line in order.confirmed_lines}
    for movement in (builder.replacement, *builder.movements):
        groups = _join(groups, movement, confirmed, live, builder.request)
    for group in groups:
        _drop_restored(group, confirmed, live)
    changed = [group for group in groups if group.changed]
    remaining = [group for group in changed if group.given_up or group.taken]
    ended = sorted({earlier for group in changed for earlier in group.earlier})
    return tuple(
        _as_price_group(group, f"{change}/{number}") for number, group in enumerate(remaining, start=1)
    ), tuple(ended)


def _join(
    groups: Sequence[_Group], movement: Movement, confirmed: set[str], live: set[str], request: ChangeRequest
) -> list[_Group]:
    """Return the groups after one movement: it joins each group that had added a line which it gives up."""
    given_up = dict.fromkeys(line.sale for line in movement.given_up if line.sale not in live)
    taken = dict.fromkeys(line.sale for line in movement.taken)
    if not given_up and not taken:
        return list(groups)
    joined = [group for group in groups if group.taken.keys() & given_up.keys()]
    merged = _Group(
        given_up={sale: None for group in joined for sale in group.given_up}
        | {sale: None for sale in given_up if sale in confirmed},
        taken={sale: None for group in joined for sale in group.taken} | taken,
        refund=_decision(joined, request),
        earlier=frozenset().union(*(group.earlier for group in joined)),
        changed=True,
    )
    return [*(group for group in groups if group not in joined), merged]


def _decision(joined: Iterable[_Group], request: ChangeRequest) -> bool | None:
    """Return whether a group's surplus is paid back: as the request says, else as it was.

    Groups that come together with different decisions and no word are paid back.
    """
    if request.refund_price_difference is not None:
        return request.refund_price_difference
    joined = list(joined)
    decisions = {group.refund for group in joined if group.refund is not None}
    if not joined or not decisions:
        return False if request.keeps_surplus and not joined else None
    return decisions.pop() if len(decisions) == 1 else True


def _drop_restored(group: _Group, confirmed: set[str], live: set[str]) -> None:
    """Take confirmed lines that are live again, and lines of the draft that are gone, out of a group."""
    given_up = {sale: None for sale in group.given_up if sale not in live}
    taken = {sale: None for sale in group.taken if sale in live and sale not in confirmed}
    group.changed = group.changed or given_up != group.given_up or taken != group.taken
    group.given_up, group.taken = given_up, taken


def _as_price_group(group: _Group, group_id: str) -> PriceGroup:
    return PriceGroup(id=group_id, given_up=tuple(group.given_up), taken=tuple(group.taken), refund=group.refund)


def is_as_confirmed(order: Order, builder: PlanBuilder) -> bool:
    """Whether a change leaves the order exactly as it was confirmed: its lines and its travellers' details."""
    lines = {line.id for line in builder.staying()}
    travellers = {each.id: each for each in order.travellers} | builder.travellers
    aboard = {each.id: each for each in order.confirmed_travellers}
    on_lines = {each for line in order.confirmed_lines for each in line.travellers}
    return (
        bool(order.confirmed_version)
        and not builder.adds
        and lines == {line.id for line in order.confirmed_lines}
        and all(travellers.get(each) == aboard.get(each) for each in on_lines)
    )
