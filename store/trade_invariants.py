"""Invariants of the trade: what a sold order may look like, by the rules of time, people, supplements and money.

Documents are read by functions that both databases have under different names; `for_dialect` writes them out:
EACH(document), EACH_TEXT(document) and EACH_OF(document, member) are elements as rows with a column `value`,
LENGTH(document) is their number, MEMBER(value, path) one member as text, NUMBER(value, path) one as a whole number.
"""

import re
from dataclasses import dataclass

from temporal.names import StepName


@dataclass(frozen=True)
class Invariant:
    """A statement that must be true at any moment, and the query that finds its violations."""

    name: str
    sentence: str
    query: str


_SQLITE = {
    r"EACH_TEXT\(([\w.]+)\)": r"json_each(\1)",
    r"EACH\(([\w.]+)\)": r"json_each(\1)",
    r"EACH_OF\(([\w.]+), (\w+)\)": r"json_each(\1, '$.\2')",
    r"LENGTH\(([\w.]+)\)": r"json_array_length(\1)",
    r"MEMBER\(([\w.]+), ([\w.]+)\)": r"json_extract(\1, '$.\2')",
    r"NUMBER\(([\w.]+), ([\w.]+)\)": r"json_extract(\1, '$.\2')",
}
_POSTGRESQL = {
    r"EACH_TEXT\(([\w.]+)\)": r"json_array_elements_text(CAST(\1 AS json))",
    r"EACH\(([\w.]+)\)": r"json_array_elements(CAST(\1 AS json))",
    r"EACH_OF\(([\w.]+), (\w+)\)": r"json_array_elements(CAST(\1 AS json) -> '\2')",
    r"LENGTH\(([\w.]+)\)": r"json_array_length(CAST(\1 AS json))",
    r"MEMBER\(([\w.]+), ([\w.]+)\)": r"(CAST(\1 AS json) #>> string_to_array('\2', '.'))",
    r"NUMBER\(([\w.]+), ([\w.]+)\)": r"CAST(CAST(\1 AS json) #>> string_to_array('\2', '.') AS bigint)",
}


def for_dialect(query: str, dialect: str) -> str:
    """Return a query with the JSON functions of a database, as text for SQLAlchemy."""
    for pattern, written in (_POSTGRESQL if dialect == "postgresql" else _SQLITE).items():
        query = re.sub(rf"\b{pattern}", written, query)
    # SQLAlchemy would take the text after a colon for the name of a parameter.
    return query.replace(":", r"\:")


IN_PROGRESS = (
    "SELECT order_number FROM changes WHERE outcome IS NULL AND claimed_at IS NOT NULL AND order_number IS NOT NULL"
)
# A line that left the confirmed version: {x} is its table. A line that carries its sale on did not leave.
_GIVEN_UP = (
    "NOT x.undone AND x.removed_in IS NOT NULL AND x.added_in < x.removed_in AND NOT EXISTS"
    " (SELECT 1 FROM order_lines c WHERE c.order_number = x.order_number AND c.sale = x.sale AND NOT c.undone"
    " AND c.added_in = x.removed_in AND (c.removed_in IS NULL OR c.removed_in > x.removed_in))"
)
_GROUP_SUM = (
    "(SELECT COALESCE(SUM({sum}), 0) FROM EACH_TEXT(g.{sales}) j JOIN order_lines x"
    " ON x.order_number = g.order_number AND x.sale = j.value AND NOT x.undone WHERE {when})"
)
_GIVEN = _GROUP_SUM.format(
    sum="x.price_minor", sales="given_up", when="x.added_in < g.added_in AND x.removed_in = g.added_in"
)
_TAKEN = _GROUP_SUM.format(
    sum="x.price_minor",
    sales="taken",
    when="x.added_in = g.added_in AND (x.removed_in IS NULL OR x.removed_in > g.added_in)",
)
_FEES = (
    "(SELECT COALESCE(SUM(f.amount_minor), 0) FROM EACH_TEXT(g.given_up) j JOIN order_lines x"
    " ON x.order_number = g.order_number AND x.sale = j.value AND NOT x.undone AND x.removed_in = g.added_in"
    " JOIN order_fees f ON f.line = x.id AND f.kind = 'change' AND NOT f.undone AND f.added_in = g.added_in"
    " AND (f.removed_in IS NULL OR f.removed_in > g.added_in))"
)

_REVERSALS = "SELECT c.id FROM changes c WHERE c.kind = 'reverse'"
TRADE_INVARIANTS = (
    Invariant(
        "supplement_on_its_line",
        "A live supplement belongs to a live line and is on that line's service.",
        "SELECT x.order_number, x.id FROM order_lines x LEFT JOIN order_lines l ON l.id = x.supplement_of"
        " WHERE x.supplement_of IS NOT NULL AND NOT x.undone AND x.removed_by IS NULL"
        " AND (l.id IS NULL OR l.undone OR l.removed_by IS NOT NULL"
        " OR COALESCE(l.service, '') <> COALESCE(x.service, ''))",
    ),
    Invariant(
        "one_seat_per_traveller",
        "On a confirmed line with a service each traveller with a seat has one, confirmed and on that service.",
        "SELECT o.number, x.id FROM orders o JOIN order_lines x ON x.order_number = o.number"
        " WHERE x.service IS NOT NULL AND x.supplement_of IS NULL AND NOT x.undone"
        " AND x.added_in <= o.confirmed_version AND (x.removed_in IS NULL OR x.removed_in > o.confirmed_version)"
        f" AND o.number NOT IN ({IN_PROGRESS})"
        " AND LENGTH(x.travellers) - CASE WHEN x.age_bands IS NULL THEN 0 ELSE"
        " (SELECT COUNT(*) FROM EACH(x.age_bands) j"
        " WHERE CAST(MEMBER(j.value, seat) AS VARCHAR(5)) IN ('0', 'false')) END"
        " <> (SELECT COUNT(DISTINCT r.id) FROM EACH(x.seats) j"
        " JOIN reservations r ON r.id = MEMBER(j.value, reservation)"
        " WHERE r.state = 'confirmed' AND r.service = x.service)",
    ),
    Invariant(
        "given_up_by_name",
        "A line that was given up was named by a request, directly or by a line it replaced or belonged to.",
        "WITH RECURSIVE up(line, request, ancestor) AS ("
        " SELECT x.id, c.request, CAST(x.id AS VARCHAR(40)) FROM order_lines x"
        " JOIN changes c ON c.id = x.removed_by WHERE NOT x.undone"
        " UNION SELECT up.line, up.request, CAST(j.value AS VARCHAR(40))"
        " FROM up JOIN order_lines l ON l.id = up.ancestor, EACH_TEXT(l.replaces) j)"
        " SELECT x.order_number, x.id FROM order_lines x JOIN changes c ON c.id = x.removed_by"
        " WHERE NOT x.undone AND x.supplement_of IS NULL"
        # A request by position, or for the whole order, names its lines by their positions.
        """ AND c.request NOT LIKE '%"position%' AND x.id NOT IN"""
        """ (SELECT up.line FROM up WHERE up.request LIKE '%"' || up.ancestor || '"%')"""
        # The lines of an expired order are renewed without being named.
        " AND NOT EXISTS (SELECT 1 FROM order_lines n, EACH_TEXT(n.replaces) j WHERE n.order_number = x.order_number"
        " AND n.added_by = x.removed_by AND j.value = x.id AND n.product = x.product AND n.added_in = x.added_in)",
    ),
    Invariant(
        "supplement_leaves_with_its_line",
        "A supplement that was given up was named by a request, or its line was given up with it.",
        "SELECT x.order_number, x.id FROM order_lines x JOIN changes c ON c.id = x.removed_by"
        f" WHERE x.supplement_of IS NOT NULL AND {_GIVEN_UP}"
        """ AND c.request NOT LIKE '%"' || x.id || '"%' AND NOT EXISTS (SELECT 1 FROM order_lines l"""
        " WHERE l.id = x.supplement_of AND (l.removed_by = x.removed_by OR l.restored_by IS NOT NULL))",
    ),
    Invariant(
        "given_up_in_time",
        "Nothing confirmed was given up after the instant that its terms allowed, except on a cancelled service.",
        "SELECT x.order_number, x.id FROM order_lines x JOIN orders o ON o.number = x.order_number"
        " JOIN events e ON e.order_number = x.order_number AND e.type = 'order_confirmed'"
        " AND NUMBER(e.data, version) = x.removed_in"
        f" JOIN step_records t ON t.change = e.change AND t.step = '{StepName.SETTLE_PRICE_DIFFERENCE}'"
        " LEFT JOIN services s ON s.tenant = x.tenant AND s.id = x.service"
        f" WHERE {_GIVEN_UP} AND x.removed_in <= o.confirmed_version AND x.supplement_of IS NULL"
        " AND (s.id IS NULL OR NOT s.cancelled) AND (x.returnable_until = 'not'"
        " OR (x.service IS NOT NULL AND s.departs_at <= t.started_at)"
        " OR (x.service IS NULL AND x.returnable_until = 'start' AND x.valid_from <= t.started_at)"
        " OR (x.service IS NULL AND x.returnable_until = 'end' AND x.valid_until <= t.started_at))",
    ),
    Invariant(
        "kept_is_the_surplus",
        "What was kept of a version equals the surplus of its price groups that are not paid back.",
        "SELECT k.number, 'version ' || k.version FROM (SELECT g.order_number AS number, g.added_in AS version,"
        f" SUM(CASE WHEN {_GIVEN} - {_TAKEN} - {_FEES} > 0 THEN {_GIVEN} - {_TAKEN} - {_FEES} ELSE 0 END) AS surplus"
        " FROM price_groups g WHERE NOT g.undone AND (g.removed_in IS NULL OR g.removed_in > g.added_in)"
        " AND g.refund IS NOT NULL AND NOT g.refund"
        " AND NOT EXISTS (SELECT 1 FROM EACH_TEXT(g.given_up) j JOIN order_lines x"
        " ON x.order_number = g.order_number AND x.sale = j.value JOIN services s ON s.tenant = x.tenant"
        " AND s.id = x.service AND s.cancelled) GROUP BY g.order_number, g.added_in) k"
        " WHERE k.surplus <> (SELECT COALESCE(SUM(f.amount_minor), 0) FROM order_fees f WHERE f.order_number = k.number"
        " AND f.kind = 'change_non_refundable' AND NOT f.undone AND f.added_in = k.version"
        " AND (f.removed_in IS NULL OR f.removed_in > k.version))",
    ),
    Invariant(
        "fees_within_the_price",
        "A change fee is at most the price of the line it was charged for.",
        "SELECT f.order_number, f.id FROM order_fees f JOIN order_lines x ON x.id = f.line"
        " WHERE NOT f.undone AND f.amount_minor > x.price_minor",
    ),
    Invariant(
        "taxes_add_up",
        "Base and tax per rate of a quote add up to its difference, and its taxes to its tax.",
        "SELECT c.order_number, c.id FROM changes c WHERE c.quote IS NOT NULL AND ("
        "(SELECT COALESCE(SUM(NUMBER(j.value, tax.minor)), 0) FROM EACH_OF(c.quote, taxes) j)"
        " <> NUMBER(c.quote, tax.minor)"
        " OR (SELECT COALESCE(SUM(NUMBER(j.value, base.minor) + NUMBER(j.value, tax.minor)), 0)"
        " FROM EACH_OF(c.quote, taxes) j)"
        " <> NUMBER(c.quote, difference.minor) + NUMBER(c.quote, not_refundable.minor))",
    ),
    Invariant(
        "money_moves_with_a_confirmation",
        "Every capture and every refund belongs to a version that was confirmed, or a way back or a reversal refunded"
        " the capture in full.",
        "SELECT l.order_number, l.key FROM ledger l WHERE l.kind IN ('capture', 'refund')"
        f" AND l.order_number NOT IN ({IN_PROGRESS})"
        " AND NOT EXISTS (SELECT 1 FROM events e WHERE e.order_number = l.order_number AND e.change = l.change"
        " AND e.type = 'order_confirmed')"
        f" AND NOT (l.kind = 'refund' AND l.change IN ({_REVERSALS}))"
        # The way back of a capture has its key, and is of its amount.
        " AND NOT EXISTS (SELECT 1 FROM ledger w WHERE l.payment = w.payment AND l.amount_minor = w.amount_minor"
        " AND (w.key = l.key || '/back' OR l.key = w.key || '/back'))"
        " AND NOT (EXISTS (SELECT 1 FROM events e WHERE e.order_number = l.order_number AND e.change = l.change"
        " AND e.type = 'change_reversed') AND l.amount_minor = (SELECT COALESCE(SUM(r.amount_minor), 0) FROM ledger r"
        f" WHERE r.payment = l.payment AND r.kind IN ('refund', 'owe') AND r.change IN ({_REVERSALS})))",
    ),
)
