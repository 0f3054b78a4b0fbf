"""Applies a change to an order and reverts it: by adding rows and marking others, never by editing them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Table, Update, bindparam, select, update
from sqlmodel import Session

from domain.orders import PriceGroup
from domain.planning.plan import Plan, PlannedLine
from domain.quotes import Quote, QuotedFee
from store.database.inserts import insert_all, table_of
from store.tables import FeeRow, LineRow, OrderRow, PriceGroupRow, TravellerRow

_VERSIONED = (LineRow, TravellerRow, FeeRow, PriceGroupRow)


def _live(table: Table, which: ColumnElement[bool]) -> Update:
    of_order = table.c.order_number == bindparam("of_order")
    return update(table).where(of_order, table.c.undone.is_(False), table.c.removed_by.is_(None), which)


# Run for every change, so these statements are built once.
_AMONG: BindParameter[str] = bindparam("ids", expanding=True)
_LINES = _live(table_of(LineRow), table_of(LineRow).c.id.in_(_AMONG))
_TRAVELLERS = _live(table_of(TravellerRow), table_of(TravellerRow).c.traveller.in_(_AMONG))
_FEES = _live(table_of(FeeRow), table_of(FeeRow).c.added_in > bindparam("confirmed"))
_GROUPS = _live(table_of(PriceGroupRow), table_of(PriceGroupRow).c.id.in_(_AMONG))


def apply_change(
    tx: Session, order: OrderRow, change: str, plan: Plan, quote: Quote, held: Sequence[str]
) -> dict[str, str]:
    """Apply a change to an order: its lines, travellers, fees and price groups, in the plan's version.

    `held` are the ids of the reservations for the change, in the order of the plan's seat wishes and then of its stock
    wishes. Returns which change had removed each line that is live again, for `revert_change`.
    """
    if plan.removes:
        _remove(tx, _LINES, order, change, plan.version, ids=list(plan.removes))
    restored = _restore(tx, change, plan.restores)
    seats, units = _distribute(plan, held)
    common = _common(order, change, plan.version)
    insert_all(tx, LineRow, [_line(line, seats[line.id], units[line.id]) | common for line in plan.adds])
    ids = [traveller.id for traveller in plan.travellers]
    if ids:
        _remove(tx, _TRAVELLERS, order, change, plan.version, ids=ids)
    details = {each.id: each.model_dump(exclude={"id"}) for each in plan.travellers}
    insert_all(tx, TravellerRow, [{"traveller": each, **details[each], **common} for each in details])
    _remove(tx, _FEES, order, change, plan.version, confirmed=order.confirmed_version)
    insert_all(tx, FeeRow, [_fee(change, number, fee) | common for number, fee in enumerate(quote.fees, start=1)])
    if plan.ended_groups:
        _remove(tx, _GROUPS, order, change, plan.version, ids=list(plan.ended_groups))
    insert_all(tx, PriceGroupRow, [_group(group) | common for group in plan.groups])
    return restored


def _restore(tx: Session, change: str, lines: Sequence[str]) -> dict[str, str]:
    """Make confirmed lines that the draft had given up live again; return which change had removed each."""
    if not lines:
        return {}
    rows = table_of(LineRow)
    chosen = rows.c.id.in_(lines)
    removed_by = tx.connection().execute(select(rows.c.id, rows.c.removed_by).where(chosen))
    restored = {line: by for line, by in removed_by if by is not None}
    tx.connection().execute(update(rows).where(chosen).values(removed_by=None, removed_in=None, restored_by=change))
    return restored


def _distribute(plan: Plan, held: Sequence[str]) -> tuple[dict[str, list[dict[str, str]]], dict[str, list[str]]]:
    """Return each new line's seats, by traveller, and its units: those it keeps, and those held for it."""
    by_id = {line.id: line for line in plan.adds}
    reserved = {line.id: {seat.traveller: seat.reservation for seat in line.kept_seats} for line in plan.adds}
    units = {line.id: list(line.kept_units) for line in plan.adds}
    held_in_order = iter(held)
    for seat_wish in plan.seats:
        for line in seat_wish.lines:
            reserved[line].update((each, next(held_in_order)) for each in by_id[line].seats_to_hold)
    for stock_wish in plan.stock:
        for line in stock_wish.lines:
            units[line].append(next(held_in_order))
    seats = {
        line.id: [
            {"traveller": each, "reservation": reserved[line.id][each]}
            for each in line.travellers
            if each in reserved[line.id]
        ]
        for line in plan.adds
    }
    return seats, units


def revert_change(tx: Session, order: OrderRow, change: str, restored: Mapping[str, str], version: int) -> None:
    """Revert a change made in a version: its added rows are undone, and what it removed and restored is as before."""
    for table in _VERSIONED:
        rows = table_of(table)
        of_order, live = rows.c.order_number == order.number, {"removed_by": None, "removed_in": None}
        tx.connection().execute(update(rows).where(of_order, rows.c.added_by == change).values(undone=True))
        tx.connection().execute(update(rows).where(of_order, rows.c.removed_by == change).values(live))
    lines = table_of(LineRow)
    for line, by in restored.items():
        removed = {"removed_by": by, "removed_in": version, "restored_by": None}
        tx.connection().execute(update(lines).where(lines.c.id == line).values(removed))


def _remove(
    tx: Session, statement: Update, order: OrderRow, change: str, version: int, **which: int | list[str]
) -> None:
    removed = {"removed_by": change, "removed_in": version}
    tx.connection().execute(statement, removed | {"of_order": order.number} | which)


def _fee(change: str, number: int, fee: QuotedFee) -> dict[str, Any]:
    amount = {"amount_minor": fee.amount.minor, "tax_rate": fee.tax_rate}
    return {"id": f"{change}/{number}", "kind": fee.kind, "line": fee.line, **amount}


def _group(group: PriceGroup) -> dict[str, Any]:
    lines = {"given_up": json.dumps(group.given_up), "taken": json.dumps(group.taken)}
    return {"id": group.id, "refund": group.refund, **lines}


def _common(order: OrderRow, change: str, version: int) -> dict[str, Any]:
    return {"tenant": order.tenant, "order_number": order.number, "added_by": change, "added_in": version}


def _line(line: PlannedLine, seats: Sequence[dict[str, str]], units: Sequence[str]) -> dict[str, Any]:
    bands = [each.model_dump() for each in line.age_bands]
    return {
        "id": line.id,
        "number": int(line.id.rpartition("-")[2]),
        "position": line.position,
        "product": line.product,
        "service": line.service,
        "valid_from": line.valid_from,
        "first_day": line.first_day,
        "valid_until": line.valid_until,
        "last_day": line.last_day,
        "travellers": json.dumps(line.travellers),
        "price_minor": line.price.minor,
        "tax_rate": line.tax_rate,
        "change_fee_minor": line.terms.change_fee.minor,
        "returnable_until": line.terms.returnable_until,
        "sold_until": line.terms.sold_until,
        "offer_bundle": line.offer_bundle,
        "offer": line.offer,
        "supplement_of": line.supplement_of,
        "seats": json.dumps(seats),
        "units": json.dumps(units),
        "age_bands": json.dumps(bands) if bands else None,
        "replaces": json.dumps(line.replaces),
        "sale": line.sale,
        "external_reference": line.external_reference,
        "customers": json.dumps([each.model_dump() for each in line.customers]) if line.customers else None,
        "distribution": line.distribution.model_dump_json() if line.distribution else None,
    }
