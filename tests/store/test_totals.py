"""What the database sums up is what the whole order says."""

from typing import Any

import pytest

from store.database.store import Store
from store.orders.orders import load
from store.orders.totals import order_total, summary_of
from store.tables import OrderRow
from tests.support.canary import ADULT, CHILD
from tests.support.world import CARD, World, replace


def as_summed(store: Store, order: str) -> tuple[object, ...]:
    with store.read() as tx:
        head = tx.get_one(OrderRow, order)
        summary, due = summary_of(tx, head), order_total(tx, head)
        return due.lines, due.total, summary.total, summary.balance


def as_loaded(store: Store, order: str) -> tuple[object, ...]:
    with store.read() as tx:
        whole = load(tx, tx.get_one(OrderRow, order))
        return len(whole.live_lines), whole.due, whole.due, whole.balance


@pytest.mark.parametrize("confirm", [False, True], ids=["a draft", "confirmed, with a fee"])
async def test_sums_are_those_of_the_whole_order(world: World, *, confirm: bool) -> None:
    order = await world.sold(ADULT, CHILD)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    more: dict[str, Any] = {"confirm": True, "payment": CARD} if confirm else {}
    answer = await world.change(order, replace([f"{order}-1"], bundle), **more)
    assert answer.status == 200, answer.body
    summed = as_summed(world.components.store, order)
    assert summed == as_loaded(world.components.store, order)
    assert summed[0] == 2


async def test_an_empty_order_owes_nothing(world: World) -> None:
    order = await world.order()
    assert as_summed(world.components.store, order) == as_loaded(world.components.store, order)


async def test_what_was_undone_is_not_summed(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    assert (await world.change(order, replace([f"{order}-1"], bundle))).status == 200
    assert (await world.discard(order)).status == 200
    assert as_summed(world.components.store, order) == as_loaded(world.components.store, order)
