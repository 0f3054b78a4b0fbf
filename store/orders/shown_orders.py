"""Keeps an order as an answer shows it, and reads it again: the same rows, as they stood then."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import String, bindparam
from sqlmodel import Session

from domain.answers import ShownOrder, TravellerVersion, shown_order
from domain.orders import Order, Reservation
from domain.taxes import TaxRounding
from store.database.inserts import table_of
from store.orders.orders import (
    ALL_LINES,
    DETAILS,
    fee_from,
    line_from,
    load,
    reservation_from,
    reservations_of,
    traveller_from,
)
from store.tables import FeeRow, LineRow, OrderRow, TravellerRow

_ORDER = bindparam("order", type_=String())
_LINES = ALL_LINES.where(table_of(LineRow).c.id.in_(bindparam("ids", expanding=True)))
_FEE, _TRAVELLER = table_of(FeeRow), table_of(TravellerRow)
_FEES = sa.select(_FEE).where(_FEE.c.id.in_(bindparam("ids", expanding=True))).order_by(_FEE.c.id)
_TRAVELLERS = (
    sa.select(_TRAVELLER.c.traveller.label("id"), *_TRAVELLER.c[("added_by", *DETAILS)])
    .where(_TRAVELLER.c.order_number == _ORDER)
    .order_by(_TRAVELLER.c.traveller)
)
_IN_FORCE = _TRAVELLERS.where(_TRAVELLER.c.undone.is_(False), _TRAVELLER.c.removed_by.is_(None))


def keep_shown(tx: Session, row: OrderRow) -> ShownOrder:
    """Return the order as it stands, for an answer."""
    order = load(tx, row)
    versions = tx.connection().execute(_IN_FORCE, {"order": row.number})
    in_force = [TravellerVersion(traveller=each.id, added_by=each.added_by) for each in versions]
    return shown_order(order, row.last_confirmed_at, in_force)


def load_shown(tx: Session, row: OrderRow, shown: ShownOrder) -> Order:
    """Load an order as an answer showed it. People who were erased since are blank."""
    execute, key = tx.connection().execute, {"order": row.number}
    lines = execute(_LINES, key | {"ids": list(shown.lines)})
    fees = execute(_FEES, {"ids": list(shown.fees)})
    versions = {(each.traveller, each.added_by) for each in shown.versions}
    travellers = [each for each in execute(_TRAVELLERS, key) if (each.id, each.added_by) in versions]
    return Order.empty(row.number, row.currency, shown.last_event).model_copy(
        update={
            **{name: getattr(shown, name) for name in _FIGURES},
            "tax_rounding": TaxRounding(row.tax_rounding),
            "lines": tuple(line_from(each, row.currency).model_copy(update=_LIVE) for each in lines),
            "travellers": tuple(map(traveller_from, travellers)),
            "fees": tuple(fee_from(each, row.currency) for each in fees),
            "reservations": _reservations(reservations_of(tx, row.number), shown),
        }
    )


_FIGURES = ("status", "version", "confirmed_version", "draft_opened_by", "expires_at", "payments")
_LIVE = {"removed_by": None, "removed_in": None}


def _reservations(rows: Any, shown: ShownOrder) -> tuple[Reservation, ...]:
    then = {each.id: each for each in shown.reservations}
    return tuple(
        reservation_from(row).model_copy(update={"state": then[row.id].state, "expires_at": then[row.id].expires_at})
        for row in rows
        if row.id in then
    )
