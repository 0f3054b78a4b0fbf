"""Any JSON body is parsed as a change request or refused with a problem that repeats nothing of the body."""

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
from api.errors.problems import ProblemError
from api.errors.validation import build_validation_problem
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


def _to_change_request(request: ChangeIn) -> ChangeRequest:
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=request.operations, payment=request.payment)


# The model each route reads, a valid body, and its translation where that needs no order.
MODELS: list[tuple[type[Any], Any, Translation | None]] = [
    (
        ReserveOffersRequest,
        {"offerConfigurations": [CHOSEN, {"offerId": OFFER, "count": 2}]},
        lambda request: translation.reserve_offers(request.offer_configurations, KNOWN),
    ),
    (
        ChangeOrderLinesRequest,
        {"orderId": LINE[:9], "offerConfigurations": [CHOSEN | {"orderLineId": LINE, "selectedOrderLineIds": [LINE]}]},
        lambda request: translation.update_order(request.offer_configurations, KNOWN, refund=True),
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
        lambda request: translation.add_supplements(request.offer_configurations),
    ),
    (WholeOrderIn, {"orderedItem": [{"orderItemNumber": LINE, "orderedItem": CONFIGURED}]}, None),
    (OrderItemIn, {"orderQuantity": 1, "offerBundleId": OFFER, "orderedItem": CONFIGURED}, None),
    (ProductConfigurationIn, CONFIGURED, None),
    (ChangeIn, {"operations": OPERATIONS, "payment": {"method": "card", "token": "t"}}, _to_change_request),
    (OrderIn, {"currency": "NOK", "external_reference": CANARY, "time_zone": "Europe/Oslo"}, None),
    (OfferSearchIn, {"product": "p", "service": "s", "travellers": [{"id": CANARY, "birth_date": "1987-06-05"}]}, None),
    (ConfirmIn, {"payment": {"method": "card", "token": "t"}}, None),
    (PaymentIn, {"amount": "1.00", "currency": "NOK", "method": "card", "token": "t"}, None),
    (DeadlineIn, {"expires_at": "2027-01-01T00:00:00Z"}, None),
    (WebhookIn, {"url": "https://shop.example/", "types": ["order_confirmed"]}, None),
    (WebhookPatchIn, {"enabled": True}, None),
]

texts = st.text(max_size=8).map(lambda text: CANARY + text)
# A table of values, several a line: one value a line would separate them from the tests below.
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
def altered_bodies(draw: st.DrawFn, valid: Any) -> Any:
    """Draw a valid body with at most one alteration: a member added, removed or replaced."""
    if not draw(st.booleans()):
        return valid if draw(st.booleans()) else draw(values)
    if isinstance(valid, dict):
        name = draw(st.sampled_from(sorted(valid)) | texts)
        kept = {each: value for each, value in valid.items() if each != name}
        return kept if draw(st.booleans()) and name in valid else kept | {name: draw(altered_bodies(valid.get(name)))}
    if isinstance(valid, list) and valid:
        index = draw(st.integers(0, len(valid) - 1))
        return [*valid[:index], draw(altered_bodies(valid[index])), *valid[index + 1 :]] * draw(
            st.sampled_from([1, 1, 1, 2, 51])
        )
    return draw(values)


def parse(model: type[Any], translate: Translation | None, body: bytes) -> ChangeRequest | None:
    """Parse and translate a body as its route does. Raises ProblemError for an invalid body."""
    try:
        request = TypeAdapter(model).validate_python(read_json(body))
    except ValidationError as error:
        errors: Sequence[Any] = [each | {"loc": ("body", *each["loc"])} for each in error.errors()]
        raise build_validation_problem(RequestValidationError(errors).errors()) from None
    return translate(request) if translate else None


def result_or_none(parser: Callable[[], Any]) -> Any:
    """Return the parsed value; None for a problem, which must not repeat the input."""
    text = ""
    try:
        return parser()
    except ProblemError as error:
        text = error.problem.model_dump_json()
    assert CANARY not in text
    return None


@pytest.mark.parametrize(("model", "valid", "translate"), MODELS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_valid_body_is_parsed(model: type[Any], valid: Any, translate: Translation | None) -> None:
    parse(model, translate, json.dumps(valid).encode())


@pytest.mark.parametrize(("model", "valid", "translate"), MODELS, ids=lambda value: getattr(value, "__name__", ""))
@settings(max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_body_is_parsed_or_refused_with_a_problem_that_repeats_nothing(
    model: type[Any], valid: Any, translate: Translation | None, data: st.DataObject
) -> None:
    body = data.draw(altered_bodies(valid) | values)
    change_request = result_or_none(lambda: parse(model, translate, json.dumps(body).encode()))
    if change_request is not None:
        assert ChangeRequest.model_validate_json(change_request.model_dump_json(by_alias=True)) == change_request


def bodies_with_odd_values(valid: Any) -> Iterator[Any]:
    """Yield a body once for every position in it and every odd value, set at that position."""
    yield from ODD
    children = valid.items() if isinstance(valid, dict) else enumerate(valid) if isinstance(valid, list) else ()
    for position, member in children:
        for each in bodies_with_odd_values(member):
            body = dict(valid) if isinstance(valid, dict) else list(valid)
            body[position] = each
            yield body


@pytest.mark.parametrize(("model", "valid", "translate"), MODELS, ids=lambda value: getattr(value, "__name__", ""))
def test_no_odd_value_is_repeated_at_any_position(model: type[Any], valid: Any, translate: Translation | None) -> None:
    for body in bodies_with_odd_values(valid):
        result_or_none(partial(parse, model, translate, json.dumps(body).encode()))


@settings(max_examples=300, derandomize=True, deadline=None, database=None)
@given(st.binary(max_size=64) | values.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_json_or_a_problem(body: bytes) -> None:
    value = result_or_none(lambda: read_json(body))
    json.dumps(value, allow_nan=False).encode()
