"""What the books must say of an order once its change is over."""

from bench.peers.peer import request
from bench.peers.saga import HAPPY, UNDOING
from bench.peers.tables import DIFFERENCE_MINOR, OK, STANDARD_MINOR, Tx

UNDONE = (*HAPPY[: HAPPY.index("settle_price_difference")], *UNDOING)
"""The steps that leave something when the settlement is refused."""

_FACTS = {
    "head": "SELECT status, version, confirmed_version, draft_opened_by, expires_at IS NULL FROM orders"
    " WHERE number = %(order)s",
    "lines": "SELECT id, product FROM order_lines WHERE order_number = %(order)s AND removed_by IS NULL AND NOT undone",
    "seats": "SELECT key, state FROM seat_holds WHERE order_number = %(order)s",
    "money": "SELECT sum(captured_minor), bool_or(open) FROM payments WHERE order_number = %(order)s",
    "ledger": "SELECT kind, amount_minor FROM ledger WHERE order_number = %(order)s ORDER BY at, kind",
    "events": "SELECT number, type FROM events WHERE order_number = %(order)s ORDER BY number",
    "steps": "SELECT step FROM effects WHERE change = %(change)s ORDER BY at, key",
    "outcome": "SELECT state, code, finished_at IS NOT NULL FROM changes WHERE order_number = %(order)s",
    "workflow": "SELECT status FROM dbos.workflow_status WHERE workflow_uuid = %(change)s",
}


def wrong(tx: Tx, order: str, token: str) -> list[str]:
    """Say what of an order is not as its change should have left it."""
    values = {"order": order, "change": str(request(order)["id"])}
    expected = _expected(order, values["change"], done=token == OK)
    found = {name: tx.execute(query, values).fetchall() for name, query in _FACTS.items()}
    return [f"{order} {name}: {found[name]}, not {expected[name]}" for name in _FACTS if found[name] != expected[name]]


def _expected(order: str, change: str, *, done: bool) -> dict[str, list[tuple[object, ...]]]:
    sold: list[tuple[object, ...]] = [("capture", STANDARD_MINOR), ("authorise", DIFFERENCE_MINOR)]
    if not done:
        return {
            "head": [("confirmed", 1, 1, None, True)],
            "lines": [(f"{order}-1", "standard")],
            "seats": [(f"{order}/sale", "confirmed")],
            "money": [(STANDARD_MINOR, False)],
            "ledger": [*sold, ("void", DIFFERENCE_MINOR)],
            "events": _numbered("order_confirmed", "order_changed", "change_undone"),
            "steps": [(step,) for step in UNDONE],
            "outcome": [("refused", "PAYMENT_REFUSED", True)],
            "workflow": [("SUCCESS",)],
        }
    return {
        "head": [("confirmed", 2, 2, None, True)],
        "lines": [(f"{order}-2", "flexible")],
        "seats": [(change, "confirmed")],
        "money": [(STANDARD_MINOR + DIFFERENCE_MINOR, False)],
        "ledger": [*sold, ("capture", DIFFERENCE_MINOR)],
        "events": _numbered(
            "order_confirmed", "order_changed", "payment_captured", "seats_confirmed", "order_confirmed"
        ),
        "steps": [(step,) for step in HAPPY],
        "outcome": [("done", None, True)],
        "workflow": [("SUCCESS",)],
    }


def _numbered(*types: str) -> list[tuple[object, ...]]:
    return list(enumerate(types, start=1))
