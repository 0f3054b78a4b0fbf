"""Lists, newest first in pages, and expansion: https://docs.stripe.com/pagination, https://docs.stripe.com/expand."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.errors import ApiError, invalid
from tests.stripe.emulator.forms import Params

DEFAULT, MOST = 10, 100
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda created, limit: created > limit,
    "gte": lambda created, limit: created >= limit,
    "lt": lambda created, limit: created < limit,
    "lte": lambda created, limit: created <= limit,
}
_EXPANDABLE = {
    "charge": "charge",
    "customer": "customer",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
}


def read_limit(params: Params) -> int:
    """Return how many objects a page holds."""
    limit = params.integer("limit") or DEFAULT
    if limit > MOST:
        raise invalid(f"This value must be less than or equal to {MOST} (it currently is '{limit}').", "limit")
    return limit


def list_objects(account: Account, params: Params, kind: str, filters: Iterable[str] = ()) -> Object:
    """Return a page of the objects of a kind."""
    kept = [each for each in account.all(kind) if _created_within(each["created"], params)]
    for name in filters:
        value = params.text(name)
        kept = [each for each in kept if value is None or each[name] == value]
    return page(kept, params, f"/v1/{kind}s")


def list_events(account: Account, params: Params) -> Object:
    """Return a page of events, of the last 30 days and of some types."""
    types = params.texts("types") + params.texts("type")
    since = account.clock.now - account.settings.event_memory
    kept = [
        each
        for each in account.all("event")
        if each["created"] >= since
        and (not types or each["type"] in types)
        and _created_within(each["created"], params)
    ]
    return page(kept, params, "/v1/events")


def page(objects: list[Object], params: Params, url: str) -> Object:
    """Return the page of a list that begins after, or ends before, an object."""
    limit, ids = read_limit(params), [each["id"] for each in objects]
    after, before = params.text("starting_after"), params.text("ending_before")
    for name, cursor in (("starting_after", after), ("ending_before", before)):
        if cursor is not None and cursor not in ids:
            raise invalid(f"No such object: '{cursor}'", name, "resource_missing")
    if before is not None:
        first = max(0, ids.index(before) - limit)
        return _page(objects[first : ids.index(before)], url, has_more=first > 0)
    first = 0 if after is None else ids.index(after) + 1
    return _page(objects[first : first + limit], url, has_more=len(objects) > first + limit)


def _page(data: list[Object], url: str, *, has_more: bool) -> Object:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _created_within(created: int, params: Params) -> bool:
    if isinstance(exact := params.values.get("created"), str):
        return created == int(exact)
    bounds = params.nested("created").values.items()
    return all(_COMPARISONS[name](created, int(limit)) for name, limit in bounds)


def expand(account: Account, answer: Object, paths: list[str]) -> Object:
    """Return an answer with ids at some paths replaced by their objects."""
    for path in paths:
        answer = _expand(account, answer, path.split("."))
    return answer


def _expand(account: Account, value: Any, path: list[str]) -> Any:
    if isinstance(value, list):
        return [_expand(account, each, path) for each in value]
    if value is None or not path:
        return value
    name, *inner = path
    if name not in value or (name != "data" and name not in _EXPANDABLE):
        raise ApiError(400, f"This property cannot be expanded ({name}).", param="expand")
    inside = value[name]
    if name != "data" and isinstance(inside, str):
        inside = account.find(_EXPANDABLE[name], inside)
    return {**value, name: _expand(account, inside, inner)}
