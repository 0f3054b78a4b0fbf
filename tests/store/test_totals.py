"""The database's sums equal those of the loaded order."""

from typing import Any

import pytest

from store.database.store import Store
from store.orders.orders import load
from store.orders.totals import order_total, summary_of
from store.tables import OrderRow
from tests.support.canary import ADULT, CHILD
from tests.support.world import CARD, World, replace


def database_totals(store: Store, order: str) -> tuple[object, ...]:
    with store.read() as tx:
        order_row = tx.get_one(OrderRow, order)
        summary, total = summary_of(tx, order_row), order_total(tx, order_row)
        return total.lines, total.total, summary.total, summary.balance


def order_totals(store: Store, order: str) -> tuple[object, ...]:
    with store.read() as tx:
        loaded = load(tx, tx.get_one(OrderRow, order))
        return len(loaded.live_lines), loaded.due, loaded.due, loaded.balance


@pytest.mark.parametrize("confirm", [False, True], ids=["a draft", "confirmed, with a fee"])
async def test_sums_equal_those_of_the_loaded_order(world: World, *, confirm: bool) -> None:
    order = await world.sold(ADULT, CHILD)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    more: dict[str, Any] = {"confirm": True, "payment": CARD} if confirm else {}
    answer = await world.change(order, replace([f"{order}-1"], bundle), **more)
    assert answer.status == 200, answer.body
    totals = database_totals(world.components.store, order)
    assert totals == order_totals(world.components.store, order)
    assert totals[0] == 2


async def test_an_empty_order_has_no_amount_due(world: World) -> None:
    order = await world.order()
    assert database_totals(world.components.store, order) == order_totals(world.components.store, order)


async def test_undone_rows_are_not_summed(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    assert (await world.change(order, replace([f"{order}-1"], bundle))).status == 200
    assert (await world.discard(order)).status == 200
    assert database_totals(world.components.store, order) == order_totals(world.components.store, order)
