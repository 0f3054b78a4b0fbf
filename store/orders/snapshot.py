"""A snapshot of an order's state as text. It must be byte-identical before a change and after its undo.

Tombstones, events, number counters and released seats are not part of it.
"""

import json

from sqlmodel import Session

from domain.orders import Order
from store.orders.orders import load, lock_order


def snapshot(tx: Session, number: str) -> str:
    """Return an order's state as text: lines, travellers, fees, price groups, seats, units, money, version, status."""
    order: Order = load(tx, lock_order(tx, number))
    state = {
        "status": order.status,
        "version": order.version,
        "confirmed_version": order.confirmed_version,
        "lines": [line.model_dump(mode="json") for line in order.live_lines],
        "confirmed": [line.model_dump(mode="json") for line in order.confirmed_lines],
        "travellers": [each.model_dump(mode="json") for each in order.travellers],
        "fees": [fee.model_dump(mode="json") for fee in order.fees],
        "groups": [group.model_dump(mode="json") for group in order.groups],
        "units": [each.model_dump(mode="json", exclude={"expires_at"}) for each in order.units if each.live],
        "seats": [each.model_dump(mode="json", exclude={"expires_at"}) for each in order.reservations if each.live],
        "money": [
            [*(each.minor for each in (p.captured, p.refunded, p.unpaid_refund)), p.authorised.minor if p.open else 0]
            for p in order.payments
            if p.open or p.captured.minor
        ],
        "balance": str(order.balance),
    }
    return json.dumps(state, sort_keys=True)
