"""Display texts of the desk for stored codes, names and events."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from activities.reseats import HOLD_OTHER_SEATS
from activities.seats import CONFIRM_SEATS
from activities.support.registry import step_of
from api.errors.problems import TITLES
from domain.changes import ChangeKind
from domain.dual_control import LOCAL, TEMPORAL
from domain.orders import OrderStatus
from domain.wording import counted
from store.changes.changes import PROVIDER_EVENT_ROUTE, TEMPORAL_UPDATE_ROUTE
from temporal.names import PROVIDER_PENDING, REFUSED_TOO_LATE, System, numbered_key

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_SYSTEM_NAMES = {System.PAYMENTS: "payment provider", System.SEATS: "inventory"}
_NUMBERED = (HOLD_OTHER_SEATS.name, CONFIRM_SEATS.name)
"""The steps that have a key of their own for each reseat."""
_FAULT_CODES = {
    REFUSED_TOO_LATE: "The provider refuses what cannot be refused any more",
    PROVIDER_PENDING: "The provider has accepted it and not done it yet",
}
_KINDS = {
    ChangeKind.CREATE: "Order created",
    ChangeKind.CHANGE: "Change",
    ChangeKind.CONFIRM: "Confirmation",
    ChangeKind.DISCARD: "Discard",
    ChangeKind.PAY: "Payment",
    ChangeKind.EXTEND: "New deadline",
    ChangeKind.PAYOUT: "Refund paid by hand",
    ChangeKind.REVERSE: "Reversal",
    ChangeKind.RESEAT: "Reseat",
    ChangeKind.PROVIDER_EVENT: "Notified by the payment provider",
}
_STATUSES = {OrderStatus.DRAFT: "Draft", OrderStatus.CONFIRMED: "Confirmed", OrderStatus.EXPIRED: "Expired"}

ERROR_TITLES = {
    403: "Form refused",
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible now",
    421: "Unknown host name",
    422: "Invalid input",
    500: "Internal error",
    503: "Temporarily unavailable",
}
HINTS = {
    "ORDER_NOT_FOUND": "The number may be mistyped, or the order belongs to another installation.",
    "ENGINE_UNREACHABLE": "Temporal or a worker does not answer. Reload this page to send the same form again:"
    " it takes effect once, however often it is sent. Pages that read the database still work.",
    "NEWER_WORKER_NEEDED": "The request is stored. A worker of the newer release must run; then reload this page.",
    "STORE_BUSY": "Another transaction holds the database's write lock. Reload this page in a few seconds.",
    "CROSS_SITE_FORM": "A form is accepted only from a page of this desk, opened in this browser."
    " Nothing was changed. Open the page again and send the form from there.",
    "HOST_UNKNOWN": "Open the desk at http://127.0.0.1, or add this host to CHANGEOVER_DESK_HOSTS.",
    "NOT_BY_HAND": "There is no provider at which the step could have been done: it is a step of our own database."
    " Nothing was changed.",
    "NOTHING_STUCK": "The step has succeeded meanwhile, or another operator has resolved it. Nothing was changed.",
}


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago a time was, or how long it is until then."""
    span = abs(now - then)
    if span < timedelta(seconds=1):
        return "now"
    return f"{lasting(span)} ago" if then <= now else f"in {lasting(span)}"


def lasting(span: timedelta) -> str:
    """Return a duration in its largest unit or two: "45 s", "3 min", "2 h 5 min", "1 d 4 h"."""
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
    """Return the title of a kind of request; other entries of a timeline carry their own title."""
    return _KINDS[ChangeKind(name)] if name in list(ChangeKind) else name.capitalize()


def status(name: str) -> str:
    """Return an order's status as a word."""
    return _STATUSES.get(OrderStatus(name), name.capitalize())


def code(name: str) -> str | None:
    """Return the title of a problem's or a fault's code; None for another code."""
    return TITLES[name][1] if name in TITLES else _FAULT_CODES.get(name)


def key(change: str, stuck: str, reseat: int) -> str | None:
    """Return the step key sent to the provider; None for a step that calls no provider.

    `reseat` is the number of the change's latest reseat.
    """
    called = step_of(stuck)
    if called is None or called.system not in _SYSTEM_NAMES:
        return None
    # An undo has the key of the step that it undoes.
    return numbered_key(change, called.name, reseat if called.name in _NUMBERED else 0)


def suggested_action(stuck: str, *, retried: bool, by_hand: bool) -> str:
    """Return what the operator may do next about a stuck step.

    `retried`: an operator has already retried it. `by_hand`: it is at an external provider.
    """
    called = step_of(stuck)
    if called is None or called.system not in _SYSTEM_NAMES or not by_hand:
        return (
            "Only the database is involved. Check that it answers (changeover doctor) and that a worker runs, then try"
            " again now. There is nothing to do by hand."
        )
    provider = _SYSTEM_NAMES[called.system]
    if retried:
        return (
            f"A retry has not helped. Look the step up at the {provider} under its key. If it is done there, or you"
            " do it there, use “done by hand”: the ledger is then updated."
        )
    return (
        f"Check that the {provider} answers again, then try again now: the step has a key, so it takes effect once"
        " however often it is tried. It is also retried automatically every minute."
    )


def describe_sender(route: str, entur: str, discover: str) -> str:
    """Return the kind of client that sent a request, by the route the request arrived on."""
    path = route.partition(" ")[2]
    if route == TEMPORAL_UPDATE_ROUTE:
        return "an operator, in Temporal"
    if route == PROVIDER_EVENT_ROUTE:
        return "the payment provider"
    if path.startswith("/desk/"):
        return "an operator, at the desk"
    if path.startswith(f"{entur}/"):
        return "a client of the Entur API"
    if path.startswith(f"{discover}/"):
        return "a client of the discover.swiss API"
    return "a client of the native API"


_UNNAMED_ACTORS = {TEMPORAL: "an operator in Temporal", LOCAL: "an operator"}


def by_hand(data: dict[str, Any]) -> str:
    """Return the actors of an operator action, and its reason unless its request has it."""
    people = [_UNNAMED_ACTORS.get(each, each) for each in (data.get("actor", LOCAL), *data.get("confirmed_by", ()))]
    return " and ".join(people) + (f": “{data['reason']}”" if "reason" in data else "")


def describe_event(kind_: str, data: dict[str, Any]) -> str | None:
    """Return an event as a sentence; None for an event that its change's entry already shows."""
    describe = _EVENTS.get(kind_)
    return describe(data) if describe else None


def _amount(verb: str, data: dict[str, Any]) -> str:
    return f"{data.get('amount', '')} {data.get('currency', '')} {verb}".strip()


def _move(data: dict[str, Any]) -> str:
    """Return which move of a settlement an event is about."""
    return f", move {data['move']}," if "move" in data else ""


def _kinds(reservations: list[str]) -> str:
    """Return what reservations are: the id of a unit has a "u" before its number."""
    units = [each for each in reservations if "-u" in each]
    return "seats and units" if 0 < len(units) < len(reservations) else "units" if units else "seats"


def _closed(data: dict[str, Any]) -> str:
    """Return how a dispute ended, or by which operator its case was closed."""
    return f"closed by {by_hand(data)}" if "actor" in data else str(data["outcome"])


_SHORTENED = {"hold": "the inventory holds no longer", "authorisation": "the payment is authorised no longer"}
_EVENTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "change_undone": lambda _: "change undone",
    "payment_authorised": lambda data: _amount("authorised", data),
    "payment_voided": lambda data: _amount("voided", data),
    "authorisation_lost": lambda data: _amount("authorised no longer: the authorisation has ended by itself", data),
    "payment_captured": lambda data: _amount("captured", data),
    "payment_refunded": lambda data: _amount("refunded", data),
    "seats_confirmed": lambda data: f"{_kinds(data['confirmed'] + data['released'])} confirmed",
    "deadline_shortened": lambda data: f"draft ends at {data['expires_at']}: {_SHORTENED[data['because']]}",
    "refund_declined": lambda data: f"refund of {_amount('declined', data)} by payment {data['payment']}",
    "refund_failed": lambda data: f"refund of {_amount('failed', data)} at payment {data['payment']}",
    "refund_owed": lambda data: _amount("taken by no card: owed to the customer", data),
    "refund_paid_by_hand": lambda data: f"{_amount('of a refund paid by hand', data)} by {by_hand(data)}",
    "dispute_opened": lambda data: f"{_amount('disputed by the cardholder', data)}, {data['dispute']}",
    "dispute_closed": lambda data: f"dispute {data['dispute']} {_closed(data)}",
    "seats_reassigned": lambda data: (
        f"{', '.join(data['from']) or 'units'} replaced by {', '.join(data['to']) or 'others'}"
    ),
    "order_confirmed": lambda data: f"version {data['version']} confirmed",
    "change_reversed": lambda _data: "reversed: its payment was refunded and the confirmed version restored",
    "draft_extended": lambda data: f"draft and seats held until {data['expires_at']}",
    "needs_attention": lambda data: (
        f"{step(data['step'])} failed {counted(data['attempts'], 'time')} with {data['code']}: operators alerted"
    ),
    "answers_differ": lambda data: (
        f"{step(data['step'])}: the provider answers {data['answered']} and finds {data['found']} under {data['key']}"
    ),
    "operator_request": lambda data: f"requested by {by_hand(data)}",
    "retry_requested": lambda data: f"{step(data['step'])} tried again by {by_hand(data)}",
    "done_by_hand_stated": lambda data: f"{step(data['step'])} stated as done by {by_hand(data)}",
    "done_by_hand": lambda data: f"{step(data['step'])}{_move(data)} marked as done by hand by {by_hand(data)}",
    "order_erased": lambda data: f"{counted(data['travellers'], 'traveller')} erased",
}
