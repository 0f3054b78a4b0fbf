"""Erases personal data of orders that have ended. Money, seats and the record of which client requested what stay."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, literal_column, or_
from sqlmodel import Session, col, select

from domain.orders import OrderStatus
from domain.redaction import Pseudonyms
from store.changes import unfinished
from store.orders.events import EventType, append
from store.redaction import redact_bundle, redact_change, redact_changes, redact_lines, redact_tokens, redact_travellers
from store.tables import BundleRow, ChangeRow, DisputeRow, LineRow, MoveRow, OrderRow, PaymentRow, TravellerRow

JOURNEY_DURATION = timedelta(days=1)
"""How long a line counts as in use after its departure or the beginning of its validity."""
_CLOSED = (OrderStatus.CANCELLED, OrderStatus.EXPIRED)


class UnknownOrderError(Exception):
    """The tenant has no such order."""


class NotEndedError(Exception):
    """The order has unfinished work, owes a refund or may come to, is disputed, or is yet to be used."""


def erase(tx: Session, tenant: str, number: str, now: datetime) -> int | None:
    """Erase an order's personal data; return the number of its travellers, or None when it was erased before.

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
    """Redact a request that arrived while its order was being erased; the order refuses it."""
    redact_change(tx.get_one(ChangeRow, change), Pseudonyms(()))


def find_due(tx: Session, tenant: str, before: datetime, after: str, limit: int) -> list[str]:
    """Return orders that ended before a time and are not erased, by number, following the order `after`."""
    conditions = (OrderRow.tenant == tenant, col(OrderRow.erased_at).is_(None), col(OrderRow.number) > after)
    query = select(OrderRow.number).where(*conditions, *_ended(before))
    return list(tx.exec(query.order_by(col(OrderRow.number)).limit(limit)))


def erase_bundles(tx: Session, tenant: str, before: datetime, limit: int) -> int:
    """Erase personal data of bundles that expired before a time, taken or not; return the number of bundles."""
    old = (BundleRow.tenant == tenant, col(BundleRow.erased).is_(False), col(BundleRow.expires_at) < before)
    bundles = tx.exec(select(BundleRow).where(*old).order_by(col(BundleRow.expires_at)).limit(limit)).all()
    for bundle in bundles:
        redact_bundle(bundle, Pseudonyms(()))
    return len(bundles)


def _named(tenant: str, number: str) -> tuple[ColumnElement[bool], ...]:
    return (col(OrderRow.tenant) == tenant, col(OrderRow.number) == number)


def _ended(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for an order that ended before a time: nothing is open, owed or still to be used."""
    of_order = col(ChangeRow.order_number) == col(OrderRow.number)
    late = or_(col(ChangeRow.outcome).is_(None), col(ChangeRow.finished_at) > before)
    live = (col(LineRow.undone).is_(False), col(LineRow.removed_by).is_(None))
    ahead = (
        col(LineRow.order_number) == col(OrderRow.number),
        *live,
        col(LineRow.valid_from) > before - JOURNEY_DURATION,
    )
    of_payment = col(PaymentRow.order_number) == col(OrderRow.number)
    unpaid = col(PaymentRow.refund_owed_minor) > col(PaymentRow.paid_out_minor)
    # A pending refund may fail, and is owed then.
    pending = (col(MoveRow.order_number) == col(OrderRow.number), col(MoveRow.state) == literal_column("'pending'"))
    # Claims about its payment may need the data.
    disputed = (
        col(DisputeRow.order_number) == col(OrderRow.number),
        col(DisputeRow.state) == literal_column("'open'"),
    )
    return (
        ~exists().where(of_payment, unpaid),
        ~exists().where(*disputed),
        ~exists().where(*pending),
        col(OrderRow.draft_opened_by).is_(None),
        col(OrderRow.created_at) <= before,
        ~exists().where(of_order, late),
        or_(col(OrderRow.status).in_(_CLOSED), ~exists().where(*ahead)),
    )


def _has_ended(tx: Session, order: OrderRow, bundles: Sequence[BundleRow], now: datetime) -> bool:
    """Whether an order has ended, has no unfinished steps, and every bundle it named has expired."""
    query = select(OrderRow.number).where(*_named(order.tenant, order.number), *_ended(now))
    residue = unfinished.partially_undone_draft(tx, order.number) or unfinished.residual_steps(tx, order.number)
    valid_bundle = any(bundle.expires_at > now for bundle in bundles)
    return not (residue or valid_bundle) and tx.exec(query).first() is not None


def _bundles(tx: Session, order: OrderRow) -> Sequence[BundleRow]:
    """Return the bundles that requests of an order named, and those offered for this order only."""
    requests = tx.exec(select(ChangeRow.request).where(ChangeRow.order_number == order.number))
    named = {name for request in requests for name in _bundles_in(json.loads(request))}
    conditions = (BundleRow.tenant == order.tenant, col(BundleRow.erased).is_(False))
    of_order = or_(col(BundleRow.order_number) == order.number, col(BundleRow.id).in_(named))
    return tx.exec(select(BundleRow).where(*conditions, of_order)).all()


def _bundles_in(value: Any) -> set[str]:
    """Return the ids of the bundles that a request names, at any depth of its JSON."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    here = value.get("offer_bundle_id") if isinstance(value, dict) else None
    return {name for part in parts for name in _bundles_in(part)} | ({here} if here else set())
