"""The pivot and what comes after it, and how a change that was refused ends."""

from bench.peers.once import Change, Head, Json, RefusedError, append
from bench.peers.tables import REFUSED, Tx

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


def settle(tx: Tx, _head: Head, change: Change) -> Json:
    """Take the money: from here there is only forward."""
    if change.token == REFUSED:
        raise RefusedError("PAYMENT_REFUSED")
    if tx.execute(_CAPTURE, (change.id,)).rowcount != 1:
        raise LookupError("nothing was set aside")
    append(tx, change, "payment_captured", {})
    return {}


def confirm_seats(tx: Tx, _head: Head, change: Change, gives_up: list[str]) -> Json:
    """Make the new seat ours and let the old one go."""
    confirmed = tx.execute(_CONFIRM, (change.id,)).rowcount
    released = tx.execute(_GIVE_UP, (gives_up,)).rowcount
    append(tx, change, "seats_confirmed", {"confirmed": confirmed, "released": released})
    return {}


def confirm_order(tx: Tx, head: Head, change: Change) -> Json:
    """Confirm the version and write the outcome."""
    tx.execute(_CONFIRMED, (change.order,))
    append(tx, change, "order_confirmed", {"version": head.version})
    tx.execute(_OUTCOME, ("done", None, change.id))
    return {"state": "done", "code": None}


def record_refusal(tx: Tx, head: Head, change: Change, code: str) -> Json:
    """Write that a change was refused, and let the order go; one that was never planned has no row yet."""
    if head.draft_opened_by == change.id:
        tx.execute("UPDATE orders SET draft_opened_by = NULL WHERE number = %s", (change.order,))
    missing = """
    INSERT INTO changes (id, order_number, bundle, plan, state) VALUES (%s, %s, %s, '{}', 'running')
    ON CONFLICT DO NOTHING
    """
    tx.execute(missing, (change.id, change.order, change.bundle))
    tx.execute(_OUTCOME, ("refused", code, change.id))
    return {"state": "refused", "code": code}
