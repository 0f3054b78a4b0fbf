"""Orders that owe their customers a refund, because a card that paid for them refuses refunds."""

from typing import Any

from providers.embedded.payments import REFUSE_REFUND
from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, Json, World, add

REFUSES = {"method": "card", "token": REFUSE_REFUND}
REASON = "bank transfer, ticket 4711"
AMOUNT = "249.00"
"""What `order_owing` owes."""


async def paid_with(world: World, first: Json, second: Json) -> str:
    """Sell an order for 299.00, and exchange it for 399.00 by a second card: both amounts are captured."""
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    sold = await world.change(order, add(bundle, ADULT), confirm=True, payment=first)
    assert sold.status == 200, sold.body
    dearer = await world.upgrade(order, confirm=True, payment=second)
    assert dearer.status == 200, dearer.body
    return order


async def cancel(world: World, order: str, **more: Any) -> Answer:
    """Give up the only line: 349.00 of the 399.00 are to be paid back, the fee of 50.00 stays."""
    removal = {"op": "remove_lines", "lines": await world.lines(order)}
    return await world.change(order, removal, confirm=True, refund_price_difference=True, **more)


async def order_owing(world: World) -> str:
    """Return a cancelled order that owes 249.00: only one of its cards takes a refund."""
    order = await paid_with(world, REFUSES, CARD)
    cancelled = await cancel(world, order)
    assert cancelled.body["order"]["refund_owed"] == AMOUNT, cancelled.body
    return order


async def pay_out(world: World, order: str, key: str | None = None, **more: str) -> Answer:
    """State that what the order owes was paid by hand."""
    return await world.post(f"/v1/orders/{order}/attention/payout", {"amount": AMOUNT, "reason": REASON} | more, key)
