"""The checks: what a change is, who travels, what it costs. They write only what they found."""

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from psycopg.types.json import Jsonb

from bench.peers.once import Change, Head, Json, RefusedError
from bench.peers.tables import Tx

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
    """Return the time."""
    return datetime.now(UTC)  # noqa: TID251 - the peer's own clock


def plan(tx: Tx, head: Head, change: Change) -> Json:
    """Claim the order for this change and say what will be put on it and what taken off."""
    if head.draft_opened_by is not None:
        raise RefusedError("CHANGE_UNDER_WAY")
    bundle = tx.execute(_BUNDLE, (change.bundle,)).fetchone()
    if bundle is None:
        raise RefusedError("UNKNOWN_OFFER")
    lines = tx.execute(_LIVE, (change.order,)).fetchall()
    planned = {
        "version": head.version + 1,
        "line": f"{change.order}-{head.next_line}",
        "next_line": head.next_line + 1,
        "service": bundle[1],
        "removes": [line[0] for line in lines],
        "gives_up": [line[3] for line in lines],
        "old_minor": sum(line[1] for line in lines),
        "fee_minor": sum(line[2] for line in lines),
    }
    tx.execute(_PLAN, (change.id, change.order, change.bundle, Jsonb(planned)))
    tx.execute(_CLAIM, (change.id, change.order))
    return planned


def validate(tx: Tx, _head: Head, change: Change) -> Json:
    """See that everybody who travels has a name and is old enough."""
    youngest = _one(tx.execute(_BUNDLE, (change.bundle,)).fetchone())[4]
    query = "SELECT given_name, family_name, birth_date FROM travellers WHERE order_number = %s"
    people = tx.execute(query, (change.order,)).fetchall()
    today = now().date()
    if not people or any(not given or not family or _age(born, today) < youngest for given, family, born in people):
        raise RefusedError("TRAVELLERS_INVALID")
    return {"travellers": len(people)}


def quote(tx: Tx, _head: Head, change: Change) -> Json:
    """Say what the change costs, with the tax in it, and write that down."""
    planned, price, rate, valid = _one(tx.execute(_QUOTABLE, (change.id,)).fetchone())
    if not valid:
        raise RefusedError("OFFER_EXPIRED")
    tax = (Decimal(price) * rate / (1 + rate)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    difference = price - planned["old_minor"] + planned["fee_minor"]
    quoted = {"new_minor": price, "fee_minor": planned["fee_minor"], "tax_minor": int(tax), "owed_minor": difference}
    tx.execute(_QUOTED, (Jsonb(quoted), change.id))
    return quoted


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _one(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    if row is None:
        raise LookupError("a change is planned first")
    return row
