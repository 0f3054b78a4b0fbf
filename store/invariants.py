"""Invariants of the database, each with a query that finds its violations.

A query returns an order number (or NULL) and what is wrong, in our own ids. Every query runs on both
databases. Steps commit one by one, each consistent in itself. So an order with a running request is
left out where its steps may legitimately be incomplete.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, text
from sqlmodel import Session

from store.database.column_types import UtcDateTime
from store.stock_invariants import STOCK_INVARIANTS
from store.trade_invariants import IN_PROGRESS, TRADE_INVARIANTS, Invariant, for_dialect
from temporal.names import StepName

_AT_REST = f"o.number NOT IN ({IN_PROGRESS})"
_CONFIRMED = (
    "x.order_number = o.number AND NOT x.undone AND x.added_in <= o.confirmed_version"
    " AND (x.removed_in IS NULL OR x.removed_in > o.confirmed_version)"
)
_LEDGER = {
    "authorise": "authorised_minor",
    "capture": "captured_minor",
    "refund": "refunded_minor",
    "owe": "refund_owed_minor",
    "payout": "paid_out_minor",
}
_FAILED = "SELECT id FROM changes WHERE state IN ('refused', 'undone')"


@dataclass(frozen=True)
class Violation:
    """One place where an invariant does not hold."""

    invariant: str
    order: str | None
    what: str


def _versioned(query: str) -> str:
    """Return a query over every versioned table of an order.

    A violation of a traveller is named by the change that added it, because violations are also shown in Temporal.
    """
    tables = (("order_lines", "id"), ("order_travellers", "added_by"), ("order_fees", "id"))
    return " UNION ALL ".join(query.format(table=table, id=name) for table, name in tables)


INVARIANTS = (
    Invariant(
        "payments_match_provider",
        "Every payment in the ledger matches the embedded provider's record.",
        "SELECT p.order_number, p.key FROM payments p JOIN embedded_payments b ON b.tenant = p.tenant AND b.key = p.key"
        " WHERE p.authorised_minor <> b.authorised_minor OR p.captured_minor <> b.captured_minor"
        " OR p.refunded_minor <> b.refunded_minor OR p.open = (b.voided OR b.captured_minor > 0)",
    ),
    Invariant(
        "no_unknown_authorisation",
        "The embedded payment provider has no authorisation that the ledger does not know.",
        "SELECT c.order_number, b.key FROM embedded_payments b LEFT JOIN payments p ON p.key = b.key"
        " LEFT JOIN changes c ON c.id = SUBSTR(b.key, 1, 36)"
        " WHERE p.key IS NULL AND NOT b.voided AND (c.id IS NULL OR c.outcome IS NOT NULL)",
    ),
    Invariant(
        "ledger_adds_up",
        "The ledger entries of every payment add up to its authorised, captured and refunded amounts, and to what is"
        " owed and paid out for it.",
        "SELECT p.order_number, p.key FROM payments p LEFT JOIN ledger l ON l.payment = p.key"
        f" GROUP BY p.order_number, p.key, {', '.join(f'p.{column}' for column in _LEDGER.values())} HAVING "
        + " OR ".join(
            f"SUM(CASE l.kind WHEN '{kind}' THEN l.amount_minor WHEN '{kind}_failed' THEN -l.amount_minor ELSE 0 END)"
            f" <> p.{column}"
            for kind, column in _LEDGER.items()
        ),
    ),
    Invariant(
        "moves_match_ledger",
        "A move is in the ledger exactly if it was made.",
        "SELECT m.order_number, m.key FROM payment_moves m LEFT JOIN ledger l ON l.key = m.key"
        " WHERE (m.state IN ('done', 'pending', 'failed')) <> (l.key IS NOT NULL)"
        " OR l.kind <> m.kind OR l.payment <> m.payment OR l.amount_minor <> m.amount_minor",
    ),
    Invariant(
        "no_unknown_move",
        "Every move of a request that has its outcome has its answer.",
        "SELECT m.order_number, m.key FROM payment_moves m JOIN changes c ON c.id = m.change"
        " WHERE m.state = 'started' AND c.outcome IS NOT NULL",
    ),
    Invariant(
        "customer_paid_what_is_confirmed",
        "Captured money, less what is refunded or owed as a refund, equals the price of the confirmed version, and is"
        " zero before a confirmation.",
        "SELECT o.number, 'paid is not the price' FROM orders o"
        " LEFT JOIN (SELECT order_number, SUM(captured_minor - refunded_minor - refund_owed_minor) AS net"
        " FROM payments GROUP BY order_number) p ON p.order_number = o.number"
        f" WHERE {_AT_REST} AND COALESCE(p.net, 0) <> CASE WHEN o.confirmed_version = 0 THEN 0 ELSE"
        f" (SELECT COALESCE(SUM(x.price_minor), 0) FROM order_lines x WHERE {_CONFIRMED})"
        f" + (SELECT COALESCE(SUM(x.amount_minor), 0) FROM order_fees x WHERE {_CONFIRMED})"
        " END",
    ),
    Invariant(
        "no_refund_owed_without_a_decline",
        "A refund is owed only for a payment that declined it in the same change, or that failed to pay it.",
        "SELECT l.order_number, l.key FROM ledger l WHERE l.kind = 'owe' AND NOT EXISTS (SELECT 1 FROM events e WHERE"
        " e.order_number = l.order_number AND e.change = l.change"
        " AND e.type IN ('refund_declined', 'refund_failed')"
        """ AND e.data LIKE '%"' || l.payment || '"%')""",
    ),
    Invariant(
        "one_holder_per_seat",
        "No seat is reserved twice.",
        "SELECT MIN(order_number), service || ' ' || coach || '-' || seat FROM reservations WHERE state <> 'released'"
        " AND item IS NULL GROUP BY tenant, service, coach, seat HAVING COUNT(*) > 1",
    ),
    Invariant(
        "seats_match_inventory",
        "Every reserved seat matches the embedded inventory's record.",
        "SELECT r.order_number, r.id FROM reservations r"
        " JOIN seats s ON s.tenant = r.tenant AND s.service = r.service AND s.coach = r.coach AND s.seat = r.seat"
        " LEFT JOIN seat_holds h ON h.tenant = r.tenant AND h.reference = r.reference"
        # The embedded inventory's references begin with their key; another inventory may know the same trains.
        " WHERE r.state <> 'released' AND r.reference LIKE r.key || '/%' AND (h.state IS NULL OR h.state <> r.state)",
    ),
    Invariant(
        "no_unknown_hold",
        "The embedded inventory holds no seat without a reservation on an order.",
        "SELECT c.order_number, h.reference FROM seat_holds h LEFT JOIN reservations r"
        " ON r.tenant = h.tenant AND r.reference = h.reference AND r.state <> 'released'"
        " LEFT JOIN changes c ON c.id = SUBSTR(h.key, 1, 36)"
        " WHERE r.id IS NULL AND (c.id IS NULL OR c.outcome IS NOT NULL)",
    ),
    Invariant(
        "no_hold_without_a_draft",
        "Only an order with an open draft has held seats that are not confirmed.",
        "SELECT o.number, r.id FROM reservations r JOIN orders o ON o.number = r.order_number"
        f" WHERE r.state = 'held' AND o.draft_opened_by IS NULL AND {_AT_REST}",
    ),
    Invariant(
        "no_authorisation_without_a_draft",
        "Only an order with an open draft has authorised money that is neither captured nor voided.",
        "SELECT o.number, p.key FROM payments p JOIN orders o ON o.number = p.order_number"
        f" WHERE p.open AND o.draft_opened_by IS NULL AND {_AT_REST}",
    ),
    Invariant(
        "no_draft_rows_without_a_draft",
        "Rows beyond an order's confirmed version belong to an open draft or to an expired order.",
        _versioned(
            "SELECT o.number, x.{id} FROM {table} x JOIN orders o ON o.number = x.order_number"
            " WHERE NOT x.undone AND x.added_in > o.confirmed_version AND o.draft_opened_by IS NULL"
            f" AND o.status <> 'expired' AND {_AT_REST}"
        ),
    ),
    Invariant(
        "versions_have_no_gaps",
        "Versions are confirmed once and in sequence; an open draft is the next version.",
        "SELECT o.number, 'version ' || o.version FROM orders o WHERE o.version NOT IN (o.confirmed_version,"
        f" o.confirmed_version + 1) OR (o.confirmed_version > 0 AND {_AT_REST}"
        " AND (o.draft_opened_by IS NULL) <> (o.version = o.confirmed_version))"
        " OR o.confirmed_version <> (SELECT COUNT(*) FROM events e WHERE e.order_number = o.number"
        " AND e.type = 'order_confirmed')",
    ),
    Invariant(
        "events_have_no_gaps",
        "The events of an order are numbered from 1 to its last event without gaps.",
        "SELECT o.number, 'event ' || o.last_event FROM orders o LEFT JOIN (SELECT order_number, COUNT(*) AS seen,"
        " MAX(number) AS last FROM events GROUP BY order_number) e ON e.order_number = o.number"
        " WHERE COALESCE(e.seen, 0) <> o.last_event OR COALESCE(e.last, 0) <> o.last_event",
    ),
    Invariant(
        "one_outcome",
        "A finished request has exactly one outcome, and its state is the same as in that outcome.",
        "SELECT c.order_number, c.id FROM changes c WHERE (c.outcome IS NOT NULL) <> (c.state IN ('done', 'refused',"
        """ 'undone')) OR (c.outcome IS NOT NULL AND c.outcome NOT LIKE '{"state":"' || c.state || '"%')""",
    ),
    Invariant(
        "one_record_per_step",
        "A step of a change has one record at most, besides its reseats and what these have withdrawn.",
        "SELECT MIN(e.order_number), e.change || ' ' || e.step FROM step_records e"
        f" WHERE e.step <> '{StepName.RESEAT}'"
        f" AND NOT (e.step = '{StepName.CONFIRM_SEATS}' AND e.state = 'withdrawn')"
        " GROUP BY e.change, e.step HAVING COUNT(*) > 1",
    ),
    Invariant(
        "failed_changes_leave_no_rows",
        "A refused or undone change has added nothing to its order and removed nothing from it.",
        _versioned(
            "SELECT x.order_number, x.{id} FROM {table} x WHERE NOT x.undone"
            f" AND (x.added_by IN ({_FAILED}) OR x.removed_by IN ({_FAILED}))"
        ),
    ),
    Invariant(
        "failed_changes_leave_no_step_done",
        "Every reversible step and settlement of a refused or undone change is undone or never happened.",
        # A check that an external provider never answered stays in state started; it leaves nothing behind.
        "SELECT e.order_number, e.key FROM step_records e WHERE e.change IN (" + _FAILED + ")"
        f" AND (e.undo IS NOT NULL OR e.step = '{StepName.SETTLE_PRICE_DIFFERENCE}')"
        " AND (e.state IN ('started', 'withdrawing') OR (e.state = 'done' AND e.refusal IS NULL))",
    ),
    Invariant(
        "tax_lies_within_the_price",
        "No price is negative, and every tax rate is at least 0 and below 1, so tax is less than the price.",
        " UNION ALL ".join(
            f"SELECT x.order_number, x.id FROM {table} x WHERE x.{amount} < 0"
            " OR CAST(x.tax_rate AS NUMERIC) < 0 OR CAST(x.tax_rate AS NUMERIC) >= 1"
            for table, amount in (("order_lines", "price_minor"), ("order_fees", "amount_minor"))
        ),
    ),
    *STOCK_INVARIANTS,
    *TRADE_INVARIANTS,
)


def violations(tx: Session) -> Iterator[Violation]:
    """Run every query and yield the violations."""
    connection = tx.connection()
    for each in INVARIANTS:
        for order, what in connection.execute(text(for_dialect(each.query, connection.dialect.name))):
            yield Violation(each.name, order, str(what))


def overdue(tx: Session, before: datetime) -> list[str]:
    """Return requests stored before a time that no workflow has claimed: they are acknowledged, but not started."""
    query = text("SELECT id FROM changes WHERE outcome IS NULL AND claimed_at IS NULL AND created_at < :before")
    return list(tx.connection().execute(query.bindparams(bindparam("before", before, UtcDateTime()))).scalars())
