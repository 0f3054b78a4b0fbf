"""Plain words for what is stored as codes and names."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from activities.payments import AUTHORISE_PAYMENT, SETTLE_PRICE_DIFFERENCE
from activities.plans import TEMPORAL_UPDATE_ROUTE
from activities.seats import CONFIRM_SEATS, EXTEND_HOLDS, RELEASE_REPLACED_SEATS, RESERVE_SEATS
from activities.support.step_kinds import Reversible
from api.errors.problems import TITLES
from domain.changes import ChangeKind
from domain.dual_control import LOCAL, TEMPORAL
from domain.orders import OrderStatus
from temporal.names import System, step_key

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_ELSEWHERE = (
    RESERVE_SEATS,
    EXTEND_HOLDS,
    CONFIRM_SEATS,
    RELEASE_REPLACED_SEATS,
    AUTHORISE_PAYMENT,
    SETTLE_PRICE_DIFFERENCE,
)
_PLACES: dict[str, System] = {step.name: step.system for step in _ELSEWHERE} | {
    step.undo_name: step.system for step in _ELSEWHERE if isinstance(step, Reversible)
}
_REVERSED: dict[str, str] = {step.undo_name: step.name for step in _ELSEWHERE if isinstance(step, Reversible)}
"""The step that an undo undoes: both have one key."""
_CALLED = {System.PAYMENTS: "payment provider", System.SEATS: "seat inventory"}
_KINDS = {
    ChangeKind.CREATE: "Order made",
    ChangeKind.CHANGE: "Change",
    ChangeKind.CONFIRM: "Confirmation",
    ChangeKind.DISCARD: "Discard",
    ChangeKind.PAY: "Payment",
    ChangeKind.EXTEND: "New deadline",
}
_STATUSES = {OrderStatus.DRAFT: "Draft", OrderStatus.CONFIRMED: "Confirmed", OrderStatus.EXPIRED: "Expired"}

ERROR_TITLES = {
    403: "Not sent",
    400: "Not understood",
    404: "Not found",
    405: "Not possible",
    409: "Not possible now",
    421: "Not served under this name",
    422: "Not understood",
    500: "Something broke on our side",
    503: "Not reachable just now",
}
HINTS = {
    "ORDER_NOT_FOUND": "Its number may be mistyped, or it belongs to another installation.",
    "ENGINE_UNREACHABLE": "Temporal, or a worker, does not answer. Reload this page to send the same form again:"
    " it is done once however often it is sent. What the store knows can still be read.",
    "STORE_BUSY": "Somebody has been writing for long. Reload this page in a few seconds.",
    "CROSS_SITE_FORM": "A form is taken only from a page of this desk, opened in this browser."
    " Nothing was done. Open the page again and send it from there.",
    "HOST_UNKNOWN": "Open it as http://127.0.0.1, or name this host in CHANGEOVER_DESK_HOSTS.",
    "NOTHING_STUCK": "It has come through meanwhile, or somebody else has helped it. Nothing was done.",
}


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago a time was, or how long it is until then."""
    apart = abs(now - then)
    if apart < timedelta(seconds=1):
        return "now"
    return f"{lasting(apart)} ago" if then <= now else f"in {lasting(apart)}"


def lasting(span: timedelta) -> str:
    """Return how long something lasts, in its largest unit or two."""
    if span < _MINUTE:
        return f"{int(span.total_seconds())} s"
    if span < _HOUR:
        return f"{span // _MINUTE} min"
    if span < _DAY:
        return _both((span // _HOUR, "h"), (span % _HOUR // _MINUTE, "min"))
    return _both((span // _DAY, "d"), (span % _DAY // _HOUR, "h"))


def _both(*parts: tuple[int, str]) -> str:
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def step(name: str) -> str:
    """Return a step's name as words."""
    return name.replace("_", " ")


def kind(name: str) -> str:
    """Return what a request asks, as words; what is no kind of request says itself what it is."""
    return _KINDS[ChangeKind(name)] if name in list(ChangeKind) else name.capitalize()


def status(name: str) -> str:
    """Return an order's status as a word."""
    return _STATUSES.get(OrderStatus(name), name.capitalize())


def code(name: str) -> str | None:
    """Return the sentence that stands for a code, if it has one."""
    return TITLES[name][1] if name in TITLES else None


def key(change: str, stuck: str) -> str | None:
    """Return the key a provider knows a step by; None for a step of our own store."""
    return step_key(change, _REVERSED.get(stuck, stuck)) if stuck in _PLACES else None


def suggested_action(stuck: str, *, asked: bool) -> str:
    """Return what an operator might do about a stuck step; `asked` says whether it was tried again already."""
    place = _PLACES.get(stuck)
    if place is None:
        return (
            "Only our own store is involved. See that it answers (changeover doctor) and that a worker runs, then try"
            " again now. There is nothing to do by hand."
        )
    other = _CALLED[place]
    if asked:
        return (
            f"Trying again has not helped. Look it up at the {other} under its key: if it is done there, or you do it"
            " there, say so with “done by hand”; our own books are then mended."
        )
    return (
        f"See whether the {other} answers again, then try again now: the step has a key, so it happens once"
        " however often it is tried. It is also tried by itself every minute."
    )


def who(route: str, entur: str, discover: str) -> str:
    """Return who asked, by the route a request came through."""
    path = route.partition(" ")[2]
    if route == TEMPORAL_UPDATE_ROUTE:
        return "an operator, in Temporal"
    if path.startswith("/desk/"):
        return "an operator, at the desk"
    if path.startswith(f"{entur}/"):
        return "a client of the Entur API"
    if path.startswith(f"{discover}/"):
        return "a client of the discover.swiss API"
    return "a client of our own API"


_NOBODY = {TEMPORAL: "an operator in Temporal", LOCAL: "an operator"}


def by_hand(data: dict[str, Any]) -> str:
    """Return who did something by hand, with whom, and why; histories of before know only why."""
    people = [_NOBODY.get(each, each) for each in (data.get("actor", LOCAL), *data.get("confirmed_by", ()))]
    return f"{' and '.join(people)}: “{data['reason']}”"


def count(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def describe_event(kind_: str, data: dict[str, Any]) -> str | None:
    """Return an event in words; None for one whose change says it already."""
    write = _EVENTS.get(kind_)
    return write(data) if write else None


def _amount(verb: str, data: dict[str, Any]) -> str:
    return f"{data.get('amount', '')} {data.get('currency', '')} {verb}".strip()


_EVENTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "change_undone": lambda _: "taken off the order again",
    "payment_authorised": lambda data: _amount("set aside", data),
    "payment_voided": lambda data: _amount("let go", data),
    "payment_captured": lambda data: _amount("captured", data),
    "payment_refunded": lambda data: _amount("paid back", data),
    "seats_confirmed": lambda _: "seats confirmed",
    "order_confirmed": lambda data: f"version {data['version']} is the confirmed one",
    "draft_extended": lambda data: f"draft and seats last until {data['expires_at']}",
    "needs_attention": lambda data: f"{step(data['step'])} kept failing with {data['code']}: an operator was called",
    "operator_request": lambda data: f"asked by {by_hand(data)}",
    "retry_requested": lambda data: f"{step(data['step'])} tried again by {by_hand(data)}",
    "done_by_hand_stated": lambda data: f"{step(data['step'])} said to be done by {by_hand(data)}",
    "done_by_hand": lambda data: f"{step(data['step'])} done by hand, said {by_hand(data)}",
    "order_erased": lambda data: f"{count(data['travellers'], 'traveller')} erased",
}
