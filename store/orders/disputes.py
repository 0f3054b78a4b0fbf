"""The disputes of an order's payments, as the provider and operators state them. The ledger does not move by them."""

from datetime import datetime

from sqlmodel import Session, select

from domain.provider_events import DisputeState, ProviderEventKind
from store.orders.events import Data, EventType, append
from store.tables import DisputeRow, OrderRow, ProviderEventRow

_STATES = {
    ProviderEventKind.DISPUTE_OPENED: DisputeState.OPEN,
    ProviderEventKind.DISPUTE_WON: DisputeState.WON,
    ProviderEventKind.DISPUTE_LOST: DisputeState.LOST,
}
_ENDED = (DisputeState.WON, DisputeState.LOST)


def record(tx: Session, order: OrderRow, event: ProviderEventRow, now: datetime) -> None:
    """Record that a dispute has begun, or how it has ended, on its locked order.

    An end stays: the beginning that is notified after it changes nothing.
    """
    state, change = _STATES[ProviderEventKind(event.kind)], event.change
    row = tx.get(DisputeRow, (event.tenant, event.provider, event.dispute or ""), with_for_update=True)
    if row is not None and (state is DisputeState.OPEN or row.state in _ENDED):
        return
    if row is None:
        row = DisputeRow(
            tenant=event.tenant,
            provider=event.provider,
            id=event.dispute or "",
            order_number=order.number,
            payment=event.key,
            amount_minor=event.amount_minor,
            currency=event.currency,
            state=state,
            opened_at=now,
        )
        tx.add(row)
    if state is DisputeState.OPEN:
        append(tx, order, EventType.DISPUTE_OPENED, change, now, _data(row))
    else:
        row.state, row.closed_at = state, now
        append(tx, order, EventType.DISPUTE_CLOSED, change, now, {**_data(row), "outcome": state})


def find(tx: Session, order: OrderRow, dispute: str) -> DisputeRow | None:
    """Return a dispute of an order by the provider's name of it."""
    of_order = (DisputeRow.order_number == order.number, DisputeRow.tenant == order.tenant, DisputeRow.id == dispute)
    return tx.exec(select(DisputeRow).where(*of_order)).first()


def close(tx: Session, order: OrderRow, row: DisputeRow, actor: str, reason: str, now: datetime) -> None:
    """Close the case of an open dispute, as an operator states it, on its locked order."""
    row.state, row.closed_at = DisputeState.CLOSED, now
    about = {**_data(row), "outcome": DisputeState.CLOSED, "actor": actor, "reason": reason}
    append(tx, order, EventType.DISPUTE_CLOSED, None, now, about)


def _data(row: DisputeRow) -> Data:
    return {"dispute": row.id, "payment": row.payment, "amount": str(row.amount), "currency": row.currency}
