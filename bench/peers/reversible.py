"""The steps that can be taken back, each with its undo below it."""

from datetime import timedelta
from typing import Any

from bench.peers.checks import now
from bench.peers.once import Change, Head, Json, RefusedError, append
from bench.peers.tables import Tx

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


def reserve(tx: Tx, _head: Head, change: Change, service: str) -> Json:
    """Hold a seat that nobody has. Somebody else may have been faster by a moment: then look again."""
    values: dict[str, Any] = {"service": service, "key": change.id, "order": change.order, "until": now() + HOLD}
    while free := tx.execute(_FREE, values).fetchone():
        values["coach"], values["seat"] = free
        if tx.execute(_HOLD, values).fetchone():
            return {"coach": free[0], "seat": free[1]}
    raise RefusedError("SOLD_OUT")


def release(tx: Tx, _head: Head, change: Change) -> Json:
    """Give the seat back."""
    return {"released": tx.execute("DELETE FROM seat_holds WHERE key = %s", (change.id,)).rowcount}


def swap(tx: Tx, head: Head, change: Change, planned: Json) -> Json:
    """Put the new line on the order, take the old ones off, and raise its version."""
    values = {"line": planned["line"], "order": change.order, "change": change.id, "bundle": change.bundle}
    tx.execute(_PUT_ON, values | {"version": planned["version"]})
    tx.execute(_TAKE_OFF, (change.id, planned["version"], planned["removes"]))
    ends = now() + timedelta(minutes=20)
    tx.execute(_DRAFT, (planned["version"], planned["next_line"], ends, change.order))
    append(tx, change, "order_changed", {"added": [planned["line"]], "removed": planned["removes"]})
    return {"status": head.status, "version": head.version}


def restore(tx: Tx, _head: Head, change: Change) -> Json:
    """Undo a swap, if there was one: what it added is marked undone, what it removed is live again."""
    swapped = tx.execute(_SWAPPED, (change.id,)).fetchone()
    if swapped is None:
        return {}
    tx.execute("UPDATE order_lines SET undone = true WHERE added_by = %s", (change.id,))
    tx.execute("UPDATE order_lines SET removed_by = NULL, removed_in = NULL WHERE removed_by = %s", (change.id,))
    head = "UPDATE orders SET status = %s, version = %s, expires_at = NULL WHERE number = %s"
    tx.execute(head, (*swapped, change.order))
    append(tx, change, "change_undone", {})
    return {}


def extend(tx: Tx, _head: Head, change: Change) -> Json:
    """Let everything held outlive the confirmation."""
    longer = "UPDATE seat_holds SET expires_at = %s WHERE order_number = %s AND state = 'held' AND expires_at > now()"
    if tx.execute(longer, (now() + HOLD, change.order)).rowcount == 0:
        raise RefusedError("HOLD_LOST")
    return {}


def authorise(tx: Tx, _head: Head, change: Change, owed: int) -> Json:
    """Set money aside."""
    tx.execute(_AUTHORISE, {"key": change.id, "order": change.order, "token": change.token, "minor": owed})
    return {"authorised_minor": owed}


def void(tx: Tx, _head: Head, change: Change) -> Json:
    """Let the money go."""
    tx.execute("UPDATE payments SET open = false WHERE key = %s", (change.id,))
    entry = """
    INSERT INTO ledger (key, order_number, payment, kind, amount_minor)
    SELECT key || '/void', order_number, key, 'void', authorised_minor FROM payments WHERE key = %s
    """
    return {"voided": tx.execute(entry, (change.id,)).rowcount}
