"""How Stripe's API speaks HTTP: authentication, forms, errors, versions."""

from typing import Any

import httpx2
import pytest
import stripe

from tests.stripe.control_client import API_KEY, Emulator
from tests.stripe.shop import authorise

PAYMENT = {"amount": "1000", "currency": "eur"}


def test_an_api_key_authenticates_as_basic_user_or_bearer_token(emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/authentication."""
    url = f"{emulator.url}/v1/payment_intents"
    assert httpx2.post(url, data=PAYMENT, auth=(API_KEY, "")).status_code == 200
    assert httpx2.post(url, data=PAYMENT, headers={"Authorization": f"Bearer {API_KEY}"}).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer sk_test_other", "Bearer sk_live_changeover", "Basic ???", "Digest x"])
def test_a_request_without_a_valid_key_is_401(emulator: Emulator, header: str) -> None:
    """Source: https://docs.stripe.com/api/errors (401, no valid API key provided)."""
    response = httpx2.post(f"{emulator.url}/v1/refunds", headers={"Authorization": header})
    assert (response.status_code, response.json()["error"]["type"]) == (401, "invalid_request_error")
    assert "sk_test_other" not in response.text


def test_the_sdk_raises_an_authentication_error_for_a_wrong_key(emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/error-handling?lang=python."""
    wrong = stripe.StripeClient("sk_test_wrong", base_addresses={"api": emulator.url})
    with pytest.raises(stripe.AuthenticationError):
        authorise(wrong)


def test_accounts_know_nothing_of_each_other(emulator: Emulator, sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/authentication (a key belongs to one account)."""
    emulator.reset(keys=[API_KEY, "sk_test_second"])
    other = stripe.StripeClient("sk_test_second", base_addresses={"api": emulator.url})
    kept = authorise(sdk, key="one")
    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        other.v1.payment_intents.retrieve(kept.id)
    assert authorise(other, key="one").id != kept.id
    assert [each["id"] for each in emulator.book("payment_intent", key=API_KEY)] == [kept.id]


def test_a_body_is_form_encoded_with_nested_names(raw: httpx2.Client) -> None:
    """Source: https://docs.stripe.com/api (form-encoded request bodies, JSON-encoded responses)."""
    nested = {"metadata[order]": "17", "metadata[tenant]": "a"}
    created = raw.post("/payment_intents", data=PAYMENT | nested)
    assert created.json()["metadata"] == {"order": "17", "tenant": "a"}
    assert created.headers["content-type"] == "application/json"
    assert raw.post("/payment_intents", json=PAYMENT).status_code == 400


@pytest.mark.parametrize(
    ("changed", "param", "code"),
    [
        ({"amount": ""}, "amount", "parameter_missing"),
        ({"currency": ""}, "currency", "parameter_missing"),
        ({"amount": "10.50"}, "amount", "parameter_invalid_integer"),
        ({"amount": "-1"}, "amount", "parameter_invalid_integer"),
        ({"amount": "0"}, "amount", "parameter_invalid_integer"),
        ({"price": "1"}, "price", "parameter_unknown"),
        ({"customer": "cus_none"}, "customer", "resource_missing"),
        ({"payment_method": "pm_none"}, "payment_method", "resource_missing"),
        ({"currency": "xxx"}, "currency", None),
        ({"capture_method": "later"}, "capture_method", None),
        ({"confirm": "yes"}, "confirm", None),
    ],
)
def test_an_invalid_parameter_is_400_and_named(
    raw: httpx2.Client, changed: dict[str, str], param: str, code: str | None
) -> None:
    """Source: https://docs.stripe.com/error-codes and https://docs.stripe.com/api/errors (`param`, `code`)."""
    response = raw.post("/payment_intents", data=PAYMENT | changed)
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["param"], error.get("code")) == (param, code)


def test_what_does_not_exist_is_404(raw: httpx2.Client) -> None:
    """Source: https://docs.stripe.com/api/errors (404, the requested resource doesn't exist)."""
    missing = raw.get("/payment_intents/pi_none")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "resource_missing")
    assert raw.get("/no_such_things").status_code == 404


def test_every_response_names_its_request_and_the_version(raw: httpx2.Client) -> None:
    """Source: https://docs.stripe.com/api/request_ids and https://docs.stripe.com/api/versioning."""
    first, second = raw.get("/events"), raw.get("/events", headers={"Stripe-Version": "2025-04-30.basil"})
    assert first.headers["request-id"].startswith("req_")
    assert first.headers["request-id"] != second.headers["request-id"]
    assert second.headers["stripe-version"] == "2025-04-30.basil"
    assert raw.get("/events", headers={"Stripe-Version": "newest"}).status_code == 400


def test_metadata_is_merged_and_unset_by_empty_values(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/metadata."""
    intent = authorise(sdk, metadata={"change": "c1", "step": "authorise"})
    updated = sdk.v1.payment_intents.update(intent.id, {"metadata": {"step": "capture", "move": "1"}})
    assert updated.metadata.to_dict() == {"change": "c1", "step": "capture", "move": "1"}
    unset = sdk.v1.payment_intents.update(intent.id, {"metadata": {"move": ""}})
    assert unset.metadata.to_dict() == {"change": "c1", "step": "capture"}
    assert sdk.v1.payment_intents.update(intent.id, {"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize(
    "metadata",
    [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{number}": "v" for number in range(51)}],
    ids=["name", "value", "51"],
)
def test_metadata_is_bounded(sdk: stripe.StripeClient, metadata: dict[str, str]) -> None:
    """Source: https://docs.stripe.com/metadata (50 keys of 40 characters, values of 500)."""
    with pytest.raises(stripe.InvalidRequestError):
        authorise(sdk, metadata=metadata)


def test_expansion_replaces_ids_by_objects(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/expand."""
    intent = authorise(sdk, expand=["latest_charge"])
    assert isinstance(intent.latest_charge, stripe.Charge)
    listed: Any = sdk.v1.payment_intents.list({"expand": ["data.latest_charge.payment_method"]}).data[0]
    assert listed.latest_charge.payment_method.card.last4 == "4242"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        sdk.v1.payment_intents.retrieve(intent.id, {"expand": ["amount"]})
