"""Invariants of stock: units of products and supplements with a capacity, held and sold like seats."""

from store.trade_invariants import IN_PROGRESS, Invariant

_PLACE = "COALESCE(r.service, CAST(r.day AS VARCHAR(10)))"
# The units of the lines of confirmed versions, where no request is running.
_UNITS_OF_LINES = (
    "FROM orders o JOIN order_lines x ON x.order_number = o.number AND NOT x.undone"
    " AND x.added_in <= o.confirmed_version AND (x.removed_in IS NULL OR x.removed_in > o.confirmed_version),"
    " EACH_TEXT(x.units) j LEFT JOIN reservations r ON r.id = j.value"
    f" WHERE o.number NOT IN ({IN_PROGRESS})"
)

STOCK_INVARIANTS = (
    Invariant(
        "one_holder_per_unit",
        "No unit of a product or supplement is reserved twice.",
        "SELECT MIN(order_number), MIN(id) FROM reservations WHERE state <> 'released' AND item IS NOT NULL"
        " GROUP BY tenant, reference HAVING COUNT(*) > 1",
    ),
    Invariant(
        "units_match_inventory",
        "Every reserved unit matches the embedded inventory's record.",
        "SELECT r.order_number, r.id FROM reservations r"
        " LEFT JOIN stock_holds h ON h.tenant = r.tenant AND h.reference = r.reference"
        # The embedded inventory's references of units begin with their key and this letter.
        " WHERE r.state <> 'released' AND r.item IS NOT NULL AND r.reference LIKE r.key || '/u%'"
        f" AND (h.state IS NULL OR h.state <> r.state OR h.item <> r.item OR h.place <> {_PLACE})",
    ),
    Invariant(
        "no_unknown_unit",
        "The embedded inventory holds no unit without a reservation on an order.",
        "SELECT c.order_number, h.reference FROM stock_holds h LEFT JOIN reservations r"
        " ON r.tenant = h.tenant AND r.reference = h.reference AND r.state <> 'released'"
        " LEFT JOIN changes c ON c.id = SUBSTR(h.key, 1, 36)"
        " WHERE r.id IS NULL AND (c.id IS NULL OR c.outcome IS NOT NULL)",
    ),
    Invariant(
        "stock_within_capacity",
        "No more units are reserved on a service or day than its capacity was when they were held.",
        "SELECT MIN(r.order_number), r.item || ' ' || h.place FROM reservations r"
        " JOIN stock_holds h ON h.tenant = r.tenant AND h.reference = r.reference"
        " WHERE r.state <> 'released' GROUP BY r.tenant, r.item, h.place HAVING COUNT(*) > MAX(h.capacity)",
    ),
    Invariant(
        "units_on_their_lines",
        "A unit of a confirmed line is confirmed, of the line's product, on its service or days, and of no other line.",
        f"SELECT o.number, x.id {_UNITS_OF_LINES} AND (r.id IS NULL OR r.state <> 'confirmed' OR r.item <> x.product"
        " OR COALESCE(r.service, '') <> COALESCE(x.service, '') OR r.day < x.first_day"
        " OR r.day > COALESCE(x.last_day, x.first_day))"
        f" UNION ALL SELECT MIN(o.number), j.value {_UNITS_OF_LINES} GROUP BY j.value HAVING COUNT(*) > 1",
    ),
)
