"""Applies a change to an order and reverts it: by adding rows and marking others, never by editing them."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, Update, bindparam, update
from sqlmodel import Session

from domain.planning.plan import Plan, PlannedLine
from domain.quotes import Quote, QuotedFee
from store.database.inserts import insert_all, table_of
from store.tables import FeeRow, LineRow, OrderRow, TravellerRow

_VERSIONED = (LineRow, TravellerRow, FeeRow)


def _live(table: Table, which: ColumnElement[bool]) -> Update:
    of_order = table.c.order_number == bindparam("of_order")
    return update(table).where(of_order, table.c.undone.is_(False), table.c.removed_by.is_(None), which)


# Run for every change, so these statements are built once.
_AMONG: BindParameter[str] = bindparam("ids", expanding=True)
_LINES = _live(table_of(LineRow), table_of(LineRow).c.id.in_(_AMONG))
_TRAVELLERS = _live(table_of(TravellerRow), table_of(TravellerRow).c.traveller.in_(_AMONG))
_FEES = _live(table_of(FeeRow), table_of(FeeRow).c.added_in > bindparam("confirmed"))


def apply_change(tx: Session, order: OrderRow, change: str, plan: Plan, quote: Quote, held: Sequence[str]) -> None:
    """Apply a change to an order: its lines, travellers and fees, in the plan's version.

    `held` are the ids of the reservations for the change, in the order of the plan's seat wishes.
    """
    if plan.removes:
        _remove(tx, _LINES, order, change, plan.version, ids=list(plan.removes))
    seats = list(held)
    lines: list[dict[str, Any]] = []
    for line in plan.adds:
        line_seats, seats = seats[: line.seats_to_hold], seats[line.seats_to_hold :]
        lines.append(
            _line(
                order, change, plan.version, line, quote.prices[line.id].minor, (*line.kept_reservations, *line_seats)
            )
        )
    insert_all(tx, LineRow, lines)
    ids = [traveller.id for traveller in plan.travellers]
    if ids:
        _remove(tx, _TRAVELLERS, order, change, plan.version, ids=ids)
    common = _common(order, change, plan.version)
    details = {each.id: each.model_dump(exclude={"id"}) for each in plan.travellers}
    insert_all(tx, TravellerRow, [{"traveller": each, **details[each], **common} for each in details])
    _remove(tx, _FEES, order, change, plan.version, confirmed=order.confirmed_version)
    insert_all(tx, FeeRow, [_fee(change, fee) | common for fee in quote.fees])


def revert_change(tx: Session, order: str, change: str) -> None:
    """Revert a change: mark the rows it added as undone and the rows it removed as live."""
    for table in _VERSIONED:
        rows = table_of(table)
        of_order, restored = rows.c.order_number == order, {"removed_by": None, "removed_in": None}
        tx.connection().execute(update(rows).where(of_order, rows.c.added_by == change).values(undone=True))
        tx.connection().execute(update(rows).where(of_order, rows.c.removed_by == change).values(restored))


def _remove(
    tx: Session, statement: Update, order: OrderRow, change: str, version: int, **which: int | list[str]
) -> None:
    removed = {"removed_by": change, "removed_in": version}
    tx.connection().execute(statement, removed | {"of_order": order.number} | which)


def _fee(change: str, fee: QuotedFee) -> dict[str, Any]:
    amount = {"amount_minor": fee.amount.minor, "tax_rate": fee.tax_rate}
    return {"id": f"{change}/{fee.line or fee.kind}", "kind": fee.kind, "line": fee.line, **amount}


def _common(order: OrderRow, change: str, version: int) -> dict[str, Any]:
    return {"tenant": order.tenant, "order_number": order.number, "added_by": change, "added_in": version}


def _line(
    order: OrderRow, change: str, version: int, line: PlannedLine, price_minor: int, seats: Sequence[str]
) -> dict[str, Any]:
    return {
        "id": line.id,
        "number": int(line.id.rpartition("-")[2]),
        "position": line.position,
        "product": line.product,
        "service": line.service,
        "valid_from": line.valid_from,
        "first_day": line.first_day,
        "travellers": json.dumps(line.travellers),
        "price_minor": price_minor,
        "tax_rate": line.tax_rate,
        "change_fee_minor": line.change_fee.minor,
        "offer_bundle": line.offer_bundle,
        "offer": line.offer,
        "supplement_of": line.supplement_of,
        "reservations": json.dumps(seats),
        "replaces": json.dumps(line.replaces),
        "external_reference": line.external_reference,
        "customers": json.dumps([each.model_dump() for each in line.customers]) if line.customers else None,
        "distribution": line.distribution.model_dump_json() if line.distribution else None,
        **_common(order, change, version),
    }
