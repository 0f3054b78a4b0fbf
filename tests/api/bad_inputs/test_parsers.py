"""Whatever JSON a façade is sent, it reads a request of ours or says a problem, and repeats nothing of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from api.discover.requests import OrderItemIn, ProductConfigurationIn, WholeOrderIn
from api.entur import translation
from api.entur.requests import AddSupplementProductsRequest, ChangeOrderLinesRequest, ReserveOffersRequest
from api.errors.exception_handlers import invalid
from api.errors.problems import ProblemError
from api.http.strict_json import read_json
from api.native.changes_schema import ChangeIn, ConfirmIn, DeadlineIn, PaymentIn
from api.native.offers_schema import OfferSearchIn
from api.native.orders_schema import OrderIn
from api.native.webhooks_schema import WebhookIn, WebhookPatchIn
from domain.changes import ChangeKind, ChangeRequest
from tests.domain.makers import bundle

CANARY = "Gulfugl"
OFFER, LINE = "5d3e9d2c-f9ab-4dd0-a735-100886278e0b", "26-100001-1"
SOLD = bundle("sold", "standard", "morning", "a", "b")
KNOWN = {OFFER: SOLD.model_copy(update={"offers": (SOLD.offers[0].model_copy(update={"id": OFFER}),)})}
CUSTOMER = {"customerId": CANARY, "entitlements": [{"entitlementProductRef": {"id": CANARY, "version": "1"}}]}
CHOSEN = {"offerId": OFFER, "selectedTravellerIds": ["a"], "customers": [CUSTOMER], "externalReference": CANARY}
TRAVELER = {"identifier": CANARY, "givenName": CANARY, "birthDate": "1987-06-05", "nationality": "no", "gender": "Male"}
CONFIGURED = {"product": {"identifier": CANARY}, "validFrom": "2027-01-01T00:00:00", "traveler": [TRAVELER]}
TRAVELLER = {"id": CANARY, "given_name": CANARY, "birth_date": "1987-06-05", "gender": "male", "nationality": "NO"}
OPERATIONS = [
    {"op": "add_lines", "offer_bundle_id": OFFER, "travellers": [TRAVELLER], "seats": ["2-07"], "count": 2},
    {"op": "replace_lines", "lines": [LINE], "with": [{"offer_bundle_id": OFFER}]},
    {"op": "set_position", "position": 1, "travellers": [TRAVELLER]},
    {"op": "keep_positions", "positions": [1]},
    {"op": "remove_lines", "lines": [LINE]},
    {"op": "add_supplements", "line": LINE, "supplements": [{"supplement": "MEAL", "count": 2}]},
    {"op": "set_travellers", "travellers": [TRAVELLER]},
]

Translation = Callable[[Any], ChangeRequest]


def _changed(wanted: ChangeIn) -> ChangeRequest:
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=wanted.operations, payment=wanted.payment)


# What each route reads, a body it takes, and what becomes of it without an order at hand.
READ: list[tuple[type[Any], Any, Translation | None]] = [
    (
        ReserveOffersRequest,
        {"offerConfigurations": [CHOSEN, {"offerId": OFFER, "count": 2}]},
        lambda wanted: translation.reserve_offers(wanted.offer_configurations, KNOWN),
    ),
    (
        ChangeOrderLinesRequest,
        {"orderId": LINE[:9], "offerConfigurations": [CHOSEN | {"orderLineId": LINE, "selectedOrderLineIds": [LINE]}]},
        lambda wanted: translation.update_order(wanted.offer_configurations, KNOWN, refund=True),
    ),
    (
        AddSupplementProductsRequest,
        {
            "orderId": LINE[:9],
            "offerConfigurations": [
                {
                    "offerId": OFFER,
                    "orderLineId": LINE,
                    "selectedProductsConfiguration": [{"selectedProductId": "MEAL", "count": 2}],
                }
            ],
        },
        lambda wanted: translation.add_supplements(wanted.offer_configurations),
    ),
    (WholeOrderIn, {"orderedItem": [{"orderItemNumber": LINE, "orderedItem": CONFIGURED}]}, None),
    (OrderItemIn, {"orderQuantity": 1, "offerBundleId": OFFER, "orderedItem": CONFIGURED}, None),
    (ProductConfigurationIn, CONFIGURED, None),
    (ChangeIn, {"operations": OPERATIONS, "payment": {"method": "card", "token": "t"}}, _changed),
    (OrderIn, {"currency": "NOK", "external_reference": CANARY, "time_zone": "Europe/Oslo"}, None),
    (OfferSearchIn, {"product": "p", "service": "s", "travellers": [{"id": CANARY, "birth_date": "1987-06-05"}]}, None),
    (ConfirmIn, {"payment": {"method": "card", "token": "t"}}, None),
    (PaymentIn, {"amount": "1.00", "currency": "NOK", "method": "card", "token": "t"}, None),
    (DeadlineIn, {"expires_at": "2027-01-01T00:00:00Z"}, None),
    (WebhookIn, {"url": "https://shop.example/", "types": ["order_confirmed"]}, None),
    (WebhookPatchIn, {"enabled": True}, None),
]

texts = st.text(max_size=8).map(lambda text: CANARY + text)
# Tables of values, kept together: one a line would hide the law below them.
ODD = [
    "", " ", "\0", "\u202e", "NaN", "0000-01-01", "9999-12-31T23:59:59-14:00", "1" * 5000, OFFER, LINE, None, 2**63, [],
    f"{CANARY}-01", f"{CANARY}-01T00:00:00Z", f"{CANARY}\0", f"https://{CANARY}", {CANARY: CANARY}, [[CANARY]],
]  # fmt: skip
odd = st.sampled_from([each for each in ODD if isinstance(each, str)])
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**31, 2**63, -1, 10**30])
scalars = st.none() | st.booleans() | numbers | texts | odd
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


@st.composite
def bent(draw: st.DrawFn, whole: Any) -> Any:
    """Draw a body that is right but for some of it: a member more, less, or something else in its place."""
    if not draw(st.booleans()):
        return whole if draw(st.booleans()) else draw(values)
    if isinstance(whole, dict):
        name = draw(st.sampled_from(sorted(whole)) | texts)
        kept = {each: value for each, value in whole.items() if each != name}
        return kept if draw(st.booleans()) and name in whole else kept | {name: draw(bent(whole.get(name)))}
    if isinstance(whole, list) and whole:
        place = draw(st.integers(0, len(whole) - 1))
        return [*whole[:place], draw(bent(whole[place])), *whole[place + 1 :]] * draw(st.sampled_from([1, 1, 1, 2, 51]))
    return draw(values)


def read(model: type[Any], translate: Translation | None, body: bytes) -> ChangeRequest | None:
    """Read a body as its route does; the problem of what cannot be read is a ProblemError."""
    try:
        wanted = TypeAdapter(model).validate_python(read_json(body))
    except ValidationError as error:
        found: Sequence[Any] = [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
        raise invalid(RequestValidationError(found).errors()) from None
    return translate(wanted) if translate else None


def or_problem(reading: Callable[[], Any]) -> Any:
    """Return what is read; None where a problem was said instead, which repeats nothing."""
    said = ""
    try:
        return reading()
    except ProblemError as error:
        said = error.problem.model_dump_json()
    assert CANARY not in said
    return None


@pytest.mark.parametrize(("model", "right", "translate"), READ, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_right_is_read(model: type[Any], right: Any, translate: Translation | None) -> None:
    read(model, translate, json.dumps(right).encode())


@pytest.mark.parametrize(("model", "right", "translate"), READ, ids=lambda value: getattr(value, "__name__", ""))
@settings(max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_body_is_a_request_of_ours_or_a_problem_that_repeats_nothing(
    model: type[Any], right: Any, translate: Translation | None, data: st.DataObject
) -> None:
    body = data.draw(bent(right) | values)
    made = or_problem(lambda: read(model, translate, json.dumps(body).encode()))
    if made is not None:
        assert ChangeRequest.model_validate_json(made.model_dump_json(by_alias=True)) == made


def each_odd(whole: Any) -> Iterator[Any]:
    """Return a body once for every place in it and every odd value, put there."""
    yield from ODD
    inside = whole.items() if isinstance(whole, dict) else enumerate(whole) if isinstance(whole, list) else ()
    for place, member in inside:
        for each in each_odd(member):
            body = dict(whole) if isinstance(whole, dict) else list(whole)
            body[place] = each
            yield body


@pytest.mark.parametrize(("model", "right", "translate"), READ, ids=lambda value: getattr(value, "__name__", ""))
def test_nothing_odd_is_repeated_from_any_place(model: type[Any], right: Any, translate: Translation | None) -> None:
    for body in each_odd(right):
        or_problem(partial(read, model, translate, json.dumps(body).encode()))


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=64) | values.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_json_or_a_problem(body: bytes) -> None:
    value = or_problem(lambda: read_json(body))
    json.dumps(value, allow_nan=False).encode()
