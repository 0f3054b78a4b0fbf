"""The endpoints of the API, and the parameters that each knows."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.stripe.emulator import charges, payment_intents, payment_methods, refunds
from tests.stripe.emulator.account import Account, Object
from tests.stripe.emulator.errors import ApiError
from tests.stripe.emulator.forms import Params
from tests.stripe.emulator.lists import list_events, list_objects
from tests.stripe.emulator.search import search

Endpoint = Callable[..., Object]


@dataclass(frozen=True)
class Route:
    """An endpoint with its parameters."""

    method: str
    path: re.Pattern[str]
    endpoint: Endpoint
    params: frozenset[str]


def _route(method: str, path: str, endpoint: Endpoint, params: str = "") -> Route:
    pattern = re.compile("/v1/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
    return Route(method, pattern, endpoint, frozenset(params.split()))


def _listing(kind: str, *filters: str) -> Route:
    def endpoint(account: Account, params: Params) -> Object:
        return list_objects(account, params, kind, filters)

    return _route("GET", f"{kind}s", endpoint, f"{PAGE} {' '.join(filters)}")


def _searching(kind: str) -> Route:
    def endpoint(account: Account, params: Params) -> Object:
        return search(account, params, kind)

    return _route("GET", f"{kind}s/search", endpoint, "query limit page")


def _event(account: Account, params: Params, event: str) -> Object:  # noqa: ARG001 - as every endpoint
    return account.find("event", event)


PAGE = "limit starting_after ending_before created"
_CONFIRM = "payment_method off_session return_url error_on_requires_action"
_CREATE = (
    f"{_CONFIRM} amount currency automatic_payment_methods capture_method confirm customer description metadata"
    " payment_method_types setup_future_usage"
)

ROUTES = (
    _listing("payment_intent", "customer"),
    _searching("payment_intent"),
    _route("POST", "payment_intents", payment_intents.create, _CREATE),
    _route("GET", "payment_intents/{intent}", payment_intents.retrieve, "client_secret"),
    _route("POST", "payment_intents/{intent}", payment_intents.update, "amount description metadata"),
    _route("POST", "payment_intents/{intent}/confirm", payment_intents.confirm, _CONFIRM),
    _route(
        "POST", "payment_intents/{intent}/capture", payment_intents.capture, "amount_to_capture final_capture metadata"
    ),
    _route("POST", "payment_intents/{intent}/cancel", payment_intents.cancel, "cancellation_reason"),
    _listing("charge", "customer", "payment_intent"),
    _searching("charge"),
    _route("GET", "charges/{charge}", charges.retrieve),
    _listing("refund", "charge", "payment_intent"),
    _route("POST", "refunds", refunds.create, "amount charge metadata payment_intent reason"),
    _route("GET", "refunds/{refund}", refunds.retrieve),
    _route("POST", "refunds/{refund}", refunds.update, "metadata"),
    _listing("dispute", "charge", "payment_intent"),
    _route("GET", "disputes/{dispute}", charges.retrieve_dispute),
    _route("GET", "events", list_events, f"{PAGE} type types"),
    _route("GET", "events/{event}", _event),
    _route("POST", "customers", payment_methods.create_customer, "description metadata"),
    _route("GET", "customers/{customer}", payment_methods.retrieve_customer),
    _route("GET", "payment_methods/{payment_method}", payment_methods.retrieve),
    _route("POST", "payment_methods/{payment_method}/attach", payment_methods.attach, "customer"),
    _route("POST", "payment_methods/{payment_method}/detach", payment_methods.detach),
)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the endpoint of a request with what its path names."""
    for route in ROUTES:
        if route.method == method and (match := route.path.fullmatch(path)):
            return route, match.groupdict()
    raise ApiError(404, f"Unrecognized request URL ({method}: {path}).", saved=False)
