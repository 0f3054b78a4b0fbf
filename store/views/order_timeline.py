"""What was asked of an order, latest first, with what became true by it."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, or_, select, tuple_

from store.tables import ChangeRow, EventRow, LineRow, OrderRow


def requests(tx: Session, order: OrderRow, before: str | None, limit: int) -> list[ChangeRow]:
    """Return an order's requests, latest first, older than one of them."""
    mine = (ChangeRow.tenant == order.tenant, ChangeRow.order_number == order.number)
    place = (col(ChangeRow.created_at), col(ChangeRow.id))
    query = select(ChangeRow).where(*mine)
    if before:
        at = select(ChangeRow.created_at).where(*mine, ChangeRow.id == before)
        query = query.where(tuple_(*place) < tuple_(at.scalar_subquery(), before))
    return list(tx.exec(query.order_by(place[0].desc(), place[1].desc()).limit(limit)))


def events_of(tx: Session, order: OrderRow, changes: Iterable[str], limit: int) -> Sequence[EventRow]:
    """Return what became true by some changes, and by no change at all, oldest first; of too much the latest."""
    whose = or_(col(EventRow.change).in_(list(changes)), col(EventRow.change).is_(None))
    query = select(EventRow).where(EventRow.tenant == order.tenant, EventRow.order_number == order.number, whose)
    return tx.exec(query.order_by(col(EventRow.number).desc()).limit(limit)).all()[::-1]


def lines(tx: Session, order: OrderRow, ids: Iterable[str]) -> dict[str, LineRow]:
    """Return lines by id, those that were undone among them."""
    mine = (LineRow.tenant == order.tenant, LineRow.order_number == order.number)
    return {row.id: row for row in tx.exec(select(LineRow).where(*mine, col(LineRow.id).in_(set(ids))))}
