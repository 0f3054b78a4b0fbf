"""The steps: checks, reversible steps with the undo below each, and the pivot with the final steps."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from psycopg.types.json import Jsonb

from bench.peers.tables import REFUSED, Tx
from bench.peers.transactions import Change, Json, OrderRow, RefusedError, append

_BUNDLE = "SELECT product, service, price_minor, expires_at, youngest FROM offer_bundles WHERE id = %s"
_LIVE = """
SELECT id, price_minor, change_fee_minor, seat_key FROM order_lines
WHERE order_number = %s AND removed_by IS NULL AND NOT undone
"""
_PLAN = "INSERT INTO changes (id, order_number, bundle, plan, state) VALUES (%s, %s, %s, %s, 'running')"
_CLAIM = "UPDATE orders SET draft_opened_by = %s WHERE number = %s"
_QUOTED = "UPDATE changes SET quote = %s WHERE id = %s"
_QUOTABLE = """
SELECT c.plan, b.price_minor, b.tax_rate, b.expires_at > now() FROM changes c JOIN offer_bundles b ON b.id = c.bundle
WHERE c.id = %s
"""


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the peer's own clock


def plan(tx: Tx, order_row: OrderRow, change: Change) -> Json:
    """Claim the order for this change; return the lines to add and to remove."""
    if order_row.draft_opened_by is not None:
        raise RefusedError("CHANGE_UNDER_WAY")
    bundle = tx.execute(_BUNDLE, (change.bundle,)).fetchone()
    if bundle is None:
        raise RefusedError("UNKNOWN_OFFER")
    lines = tx.execute(_LIVE, (change.order,)).fetchall()
    planned = {
        "version": order_row.version + 1,
        "line": f"{change.order}-{order_row.next_line}",
        "next_line": order_row.next_line + 1,
        "service": bundle[1],
        "removes": [line[0] for line in lines],
        "gives_up": [line[3] for line in lines],
        "old_minor": sum(line[1] for line in lines),
        "fee_minor": sum(line[2] for line in lines),
    }
    tx.execute(_PLAN, (change.id, change.order, change.bundle, Jsonb(planned)))
    tx.execute(_CLAIM, (change.id, change.order))
    return planned


def validate(tx: Tx, _order_row: OrderRow, change: Change) -> Json:
    """Check that every traveller has a name and is old enough."""
    youngest = _one(tx.execute(_BUNDLE, (change.bundle,)).fetchone())[4]
    query = "SELECT given_name, family_name, birth_date FROM travellers WHERE order_number = %s"
    people = tx.execute(query, (change.order,)).fetchall()
    today = now().date()
    if not people or any(not given or not family or _age(born, today) < youngest for given, family, born in people):
        raise RefusedError("TRAVELLERS_INVALID")
    return {"travellers": len(people)}


def quote(tx: Tx, _order_row: OrderRow, change: Change) -> Json:
    """Compute and record the price of the change, including tax, in minor units."""
    planned, price, rate, valid = _one(tx.execute(_QUOTABLE, (change.id,)).fetchone())
    if not valid:
        raise RefusedError("OFFER_EXPIRED")
    tax = (Decimal(price) * rate / (1 + rate)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    difference = price - planned["old_minor"] + planned["fee_minor"]
    quoted = {
        "new_minor": price,
        "fee_minor": planned["fee_minor"],
        "tax_minor": int(tax),
        "difference_minor": difference,
    }
    tx.execute(_QUOTED, (Jsonb(quoted), change.id))
    return quoted


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _one(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if row is None:
        raise LookupError("the change was not planned")
    return row


HOLD = timedelta(hours=24, minutes=20)

_FREE = """
SELECT coach, seat FROM seats s WHERE service = %(service)s AND NOT EXISTS (
    SELECT 1 FROM seat_holds h WHERE h.service = s.service AND h.coach = s.coach AND h.seat = s.seat)
ORDER BY coach, seat LIMIT 1 FOR UPDATE OF s SKIP LOCKED
"""
_HOLD = """
INSERT INTO seat_holds VALUES (%(service)s, %(coach)s, %(seat)s, %(key)s, %(order)s, 'held', %(until)s)
ON CONFLICT DO NOTHING RETURNING 1
"""
_PUT_ON = """
INSERT INTO order_lines SELECT %(line)s, %(order)s, product, service, price_minor, change_fee_minor, tax_rate,
    %(change)s, %(change)s, %(version)s FROM offer_bundles WHERE id = %(bundle)s
"""
_TAKE_OFF = "UPDATE order_lines SET removed_by = %s, removed_in = %s WHERE id = ANY(%s)"
_DRAFT = "UPDATE orders SET status = 'draft', version = %s, next_line = %s, expires_at = %s WHERE number = %s"
_SWAPPED = """
SELECT answer ->> 'status', (answer ->> 'version')::int FROM effects WHERE change = %s AND step = 'swap_offer_bundle'
"""
_AUTHORISE = """
WITH paid AS (INSERT INTO payments VALUES (%(key)s, %(order)s, %(token)s, %(minor)s))
INSERT INTO ledger (key, order_number, payment, kind, amount_minor)
VALUES (%(key)s || '/authorise', %(order)s, %(key)s, 'authorise', %(minor)s)
"""


def reserve(tx: Tx, _order_row: OrderRow, change: Change, service: str) -> Json:
    """Hold a free seat. If another transaction takes it first, search again."""
    values: dict[str, Any] = {"service": service, "key": change.id, "order": change.order, "until": now() + HOLD}
    while free := tx.execute(_FREE, values).fetchone():
        values["coach"], values["seat"] = free
        if tx.execute(_HOLD, values).fetchone():
            return {"coach": free[0], "seat": free[1]}
    raise RefusedError("SOLD_OUT")


def release(tx: Tx, _order_row: OrderRow, change: Change) -> Json:
    """Release the seat."""
    return {"released": tx.execute("DELETE FROM seat_holds WHERE key = %s", (change.id,)).rowcount}


def swap(tx: Tx, order_row: OrderRow, change: Change, planned: Json) -> Json:
    """Add the new line to the order, remove the old ones, and increment its version."""
    values = {"line": planned["line"], "order": change.order, "change": change.id, "bundle": change.bundle}
    tx.execute(_PUT_ON, values | {"version": planned["version"]})
    tx.execute(_TAKE_OFF, (change.id, planned["version"], planned["removes"]))
    ends = now() + timedelta(minutes=20)
    tx.execute(_DRAFT, (planned["version"], planned["next_line"], ends, change.order))
    append(tx, change, "order_changed", {"added": [planned["line"]], "removed": planned["removes"]})
    return {"status": order_row.status, "version": order_row.version}


def restore(tx: Tx, _order_row: OrderRow, change: Change) -> Json:
    """Undo a swap, if there was one: mark the lines it added as undone, restore those it removed."""
    swapped = tx.execute(_SWAPPED, (change.id,)).fetchone()
    if swapped is None:
        return {}
    tx.execute("UPDATE order_lines SET undone = true WHERE added_by = %s", (change.id,))
    tx.execute("UPDATE order_lines SET removed_by = NULL, removed_in = NULL WHERE removed_by = %s", (change.id,))
    order = "UPDATE orders SET status = %s, version = %s, expires_at = NULL WHERE number = %s"
    tx.execute(order, (*swapped, change.order))
    append(tx, change, "change_undone", {})
    return {}


def authorise(tx: Tx, _order_row: OrderRow, change: Change, amount_due: int) -> Json:
    """Authorise the payment, in minor units."""
    tx.execute(_AUTHORISE, {"key": change.id, "order": change.order, "token": change.token, "minor": amount_due})
    return {"authorised_minor": amount_due}


def void(tx: Tx, _order_row: OrderRow, change: Change) -> Json:
    """Void the payment."""
    tx.execute("UPDATE payments SET open = false WHERE key = %s", (change.id,))
    entry = """
    INSERT INTO ledger (key, order_number, payment, kind, amount_minor)
    SELECT key || '/void', order_number, key, 'void', authorised_minor FROM payments WHERE key = %s
    """
    return {"voided": tx.execute(entry, (change.id,)).rowcount}


_CAPTURE = """
WITH taken AS (UPDATE payments SET captured_minor = captured_minor + authorised_minor, open = false
               WHERE key = %s AND open RETURNING key, order_number, authorised_minor)
INSERT INTO ledger (key, order_number, payment, kind, amount_minor)
SELECT key || '/capture', order_number, key, 'capture', authorised_minor FROM taken
"""
_CONFIRM = "UPDATE seat_holds SET state = 'confirmed', expires_at = NULL WHERE key = %s AND state = 'held'"
_GIVE_UP = "DELETE FROM seat_holds WHERE key = ANY(%s)"
_CONFIRMED = """
UPDATE orders SET status = 'confirmed', confirmed_version = version, draft_opened_by = NULL, expires_at = NULL
WHERE number = %s
"""
_OUTCOME = "UPDATE changes SET state = %s, code = %s, finished_at = now() WHERE id = %s AND finished_at IS NULL"


def settle(tx: Tx, _order_row: OrderRow, change: Change, _amount_due: int) -> Json:
    """Capture the payment: the pivot, after which the change is not undone."""
    if change.token == REFUSED:
        raise RefusedError("PAYMENT_REFUSED")
    if tx.execute(_CAPTURE, (change.id,)).rowcount != 1:
        raise LookupError("no payment was authorised")
    append(tx, change, "payment_captured", {})
    return {}


def confirm_seats(tx: Tx, _order_row: OrderRow, change: Change, gives_up: list[str]) -> Json:
    """Confirm the new seat and release the old one."""
    confirmed = tx.execute(_CONFIRM, (change.id,)).rowcount
    released = tx.execute(_GIVE_UP, (gives_up,)).rowcount
    append(tx, change, "seats_confirmed", {"confirmed": confirmed, "released": released})
    return {}


def confirm_order(tx: Tx, order_row: OrderRow, change: Change) -> Json:
    """Confirm the order's version and record the outcome."""
    tx.execute(_CONFIRMED, (change.order,))
    append(tx, change, "order_confirmed", {"version": order_row.version})
    tx.execute(_OUTCOME, ("done", None, change.id))
    return {"state": "done", "code": None}


def record_refusal(tx: Tx, order_row: OrderRow, change: Change, code: str) -> Json:
    """Record that a change was refused, and free the order. A change that was not planned has no row yet."""
    if order_row.draft_opened_by == change.id:
        tx.execute("UPDATE orders SET draft_opened_by = NULL WHERE number = %s", (change.order,))
    missing = """
    INSERT INTO changes (id, order_number, bundle, plan, state) VALUES (%s, %s, %s, '{}', 'running')
    ON CONFLICT DO NOTHING
    """
    tx.execute(missing, (change.id, change.order, change.bundle))
    tx.execute(_OUTCOME, ("refused", code, change.id))
    return {"state": "refused", "code": code}
