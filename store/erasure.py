"""Erases the people of orders that have ended; money, seats and who asked for what stay."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, or_
from sqlmodel import Session, col, select

from domain.orders import OrderStatus
from domain.redaction import Pseudonyms
from store.changes import unfinished
from store.orders.events import EventType, append
from store.redaction import redact_bundle, redact_change, redact_changes, redact_lines, redact_tokens, redact_travellers
from store.tables import BundleRow, ChangeRow, LineRow, OrderRow, TravellerRow

JOURNEY = timedelta(days=1)
"""How long after its departure, or the beginning of its validity, a line is taken to be in use."""
_CLOSED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


class UnknownOrderError(Exception):
    """There is no such order."""


class NotEndedError(Exception):
    """Something of the order is under way, or its travellers have yet to travel."""


def erase(tx: Session, tenant: str, number: str, now: datetime) -> int | None:
    """Erase the people of an order; return how many travellers it had, or None when they were erased before.

    Raises UnknownOrderError and NotEndedError.
    """
    order = tx.exec(select(OrderRow).where(*_named(tenant, number)).with_for_update()).one_or_none()
    if order is None:
        raise UnknownOrderError
    if order.erased_at is not None:
        return None
    bundles = _bundles(tx, order)
    if not _has_ended(tx, order, bundles, now):
        raise NotEndedError
    travellers = sorted(set(tx.exec(select(TravellerRow.traveller).where(TravellerRow.order_number == number))))
    ids = Pseudonyms(travellers)
    redact_travellers(tx, number, travellers, ids)
    redact_lines(tx, number, ids)
    redact_changes(tx, number, ids)
    redact_tokens(tx, number)
    for bundle in bundles:
        redact_bundle(bundle, ids)
    order.external_reference, order.erased_at = None, now
    append(tx, order, EventType.ORDER_ERASED, None, now, {"travellers": len(travellers)})
    return len(travellers)


def erase_request(tx: Session, change: str) -> None:
    """Blank a request that came in while its order was being erased; the order refuses it."""
    redact_change(tx.get_one(ChangeRow, change), Pseudonyms(()))


def due(tx: Session, tenant: str, before: datetime, after: str, most: int) -> list[str]:
    """Return orders that ended before a time and are not erased: the first by number, behind one."""
    mine = (OrderRow.tenant == tenant, col(OrderRow.erased_at).is_(None), col(OrderRow.number) > after)
    query = select(OrderRow.number).where(*mine, *_ended(before))
    return list(tx.exec(query.order_by(col(OrderRow.number)).limit(most)))


def erase_bundles(tx: Session, tenant: str, before: datetime, most: int) -> int:
    """Erase the people of bundles that ended before a time, taken or not; return of how many."""
    old = (BundleRow.tenant == tenant, col(BundleRow.erased).is_(False), col(BundleRow.expires_at) < before)
    found = tx.exec(select(BundleRow).where(*old).order_by(col(BundleRow.expires_at)).limit(most)).all()
    for bundle in found:
        redact_bundle(bundle, Pseudonyms(()))
    return len(found)


def _named(tenant: str, number: str) -> tuple[ColumnElement[bool], ...]:
    return (col(OrderRow.tenant) == tenant, col(OrderRow.number) == number)


def _ended(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return what is true of orders that ended before a time: nothing is open, nobody has yet to travel."""
    asked = col(ChangeRow.order_number) == col(OrderRow.number)
    late = or_(col(ChangeRow.outcome).is_(None), col(ChangeRow.finished_at) > before)
    live = (col(LineRow.undone).is_(False), col(LineRow.removed_by).is_(None))
    ahead = (col(LineRow.order_number) == col(OrderRow.number), *live, col(LineRow.valid_from) > before - JOURNEY)
    return (
        col(OrderRow.draft_opened_by).is_(None),
        col(OrderRow.created_at) <= before,
        ~exists().where(asked, late),
        or_(col(OrderRow.status).in_(_CLOSED), ~exists().where(*ahead)),
    )


def _has_ended(tx: Session, order: OrderRow, bundles: Sequence[BundleRow], now: datetime) -> bool:
    """Whether an order has ended, nothing of it is left half done, and nobody may take a bundle it named."""
    query = select(OrderRow.number).where(*_named(order.tenant, order.number), *_ended(now))
    left = unfinished.partially_undone_draft(tx, order.number) or unfinished.residual_steps(tx, order.number)
    standing = any(bundle.expires_at > now for bundle in bundles)
    return not (left or standing) and tx.exec(query).first() is not None


def _bundles(tx: Session, order: OrderRow) -> Sequence[BundleRow]:
    """Return the bundles an order took or asked for, and those made for it alone."""
    requests = tx.exec(select(ChangeRow.request).where(ChangeRow.order_number == order.number))
    named = {name for request in requests for name in _bundles_in(json.loads(request))}
    mine = (BundleRow.tenant == order.tenant, col(BundleRow.erased).is_(False))
    of_order = or_(col(BundleRow.order_number) == order.number, col(BundleRow.id).in_(named))
    return tx.exec(select(BundleRow).where(*mine, of_order)).all()


def _bundles_in(value: Any) -> set[str]:
    """Return the bundles a request names."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    here = value.get("offer_bundle_id") if isinstance(value, dict) else None
    return {name for part in parts for name in _bundles_in(part)} | ({here} if here else set())
