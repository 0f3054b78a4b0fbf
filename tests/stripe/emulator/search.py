"""Searches, which lag behind: https://docs.stripe.com/search. Refunds cannot be searched."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.errors import ApiError, invalid
from tests.stripe.emulator.forms import Params
from tests.stripe.emulator.lists import read_limit

FIELDS = {
    "payment_intent": {"amount", "created", "currency", "customer", "metadata", "status"},
    "charge": {"amount", "created", "currency", "customer", "disputed", "metadata", "refunded", "status"},
}
_CLAUSE = re.compile(
    r"""\s*(?P<negated>-)?(?P<field>\w+)(?:\[(?P<quote>["'])(?P<key>[^"']+)(?P=quote)\])?\s*(?P<operator>:|~|>=|<=|>|<)\s*
    (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[\w.]+)\s*(?P<joint>AND\b|OR\b|$)""",
    re.VERBOSE | re.IGNORECASE,
)
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


@dataclass(frozen=True)
class Clause:
    """One condition of a query."""

    field: str
    key: str | None
    operator: str
    value: str
    negated: bool

    def holds(self, found: Object) -> bool:
        """Whether an object meets the condition."""
        return self._matches(found) is not self.negated

    def _matches(self, found: Object) -> bool:
        actual = found[self.field] if self.key is None else found["metadata"].get(self.key)
        if self.value == "null":
            return actual is None
        if self.operator in _COMPARISONS:
            return _COMPARISONS[self.operator](int(actual), int(self.value))
        expected = self.value.strip("\"'").lower()
        text = "" if actual is None else str(actual).lower()
        return actual is not None and (expected in text if self.operator == "~" else text == expected)


def search(account: Account, params: Params, kind: str) -> Object:
    """Return what a search finds: objects as they were when the lag began."""
    clauses, joint = _parse(params.required("query"), kind)
    holds = any if joint == "OR" else all
    found = [each for each in _visible(account, kind) if holds(clause.holds(each) for clause in clauses)]
    first, limit = int(params.text("page") or 0), read_limit(params)
    more = len(found) > first + limit
    data = found[first : first + limit]
    url = f"/v1/{kind}s/search"
    following = str(first + limit) if more else None
    return {"object": "search_result", "data": data, "has_more": more, "next_page": following, "url": url}


def _visible(account: Account, kind: str) -> list[Object]:
    until = account.clock.now - account.settings.search_lag
    latest: dict[str, Object] = {}
    for indexed_at, version in account.book.index:
        if indexed_at <= until and version["object"] == kind:
            latest[version["id"]] = version
    return sorted(latest.values(), key=lambda each: (each["created"], each["id"]), reverse=True)


def _parse(query: str, kind: str) -> tuple[list[Clause], str]:
    clauses, joints, at = [], set(), 0
    while at < len(query):
        match = _CLAUSE.match(query, at)
        if (
            match is None
            or match["field"] not in FIELDS[kind]
            or (match["field"] == "metadata") is (match["key"] is None)
        ):
            raise invalid(f"We were unable to parse your search query: {query[at:]}", "query")
        clauses.append(Clause(match["field"], match["key"], match["operator"], match["value"], bool(match["negated"])))
        joints.add(match["joint"].upper())
        at = match.end()
    joints.discard("")
    if len(joints) > 1:
        raise ApiError(400, "You can't combine AND and OR in the same query.", param="query", saved=False)
    return clauses, joints.pop() if joints else "AND"
