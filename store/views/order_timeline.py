"""An order's timeline: its requests, latest first, with the events and lines of each."""

from collections.abc import Iterable, Sequence

from sqlmodel import Session, col, or_, select, tuple_

from store.tables import ChangeRow, EventRow, LineRow, OrderRow


def requests(tx: Session, order: OrderRow, before: str | None, limit: int) -> list[ChangeRow]:
    """Return an order's requests, latest first, older than the request `before` if given."""
    conditions = (ChangeRow.tenant == order.tenant, ChangeRow.order_number == order.number)
    sort_key = (col(ChangeRow.created_at), col(ChangeRow.id))
    query = select(ChangeRow).where(*conditions)
    if before:
        at = select(ChangeRow.created_at).where(*conditions, ChangeRow.id == before)
        query = query.where(tuple_(*sort_key) < tuple_(at.scalar_subquery(), before))
    return list(tx.exec(query.order_by(sort_key[0].desc(), sort_key[1].desc()).limit(limit)))


def events_of(tx: Session, order: OrderRow, changes: Iterable[str], limit: int) -> Sequence[EventRow]:
    """Return the latest events of some changes and of no change, up to a limit, oldest first."""
    of_changes = or_(col(EventRow.change).in_(list(changes)), col(EventRow.change).is_(None))
    query = select(EventRow).where(EventRow.tenant == order.tenant, EventRow.order_number == order.number, of_changes)
    return tx.exec(query.order_by(col(EventRow.number).desc()).limit(limit)).all()[::-1]


def lines(tx: Session, order: OrderRow, ids: Iterable[str]) -> dict[str, LineRow]:
    """Return lines by id, undone ones included."""
    conditions = (LineRow.tenant == order.tenant, LineRow.order_number == order.number)
    return {row.id: row for row in tx.exec(select(LineRow).where(*conditions, col(LineRow.id).in_(set(ids))))}
