"""PaymentIntents that the shop has confirmed are claimed once, by a payment of exactly their amount."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from domain.money import Money
from providers.contracts.assertions import new_key
from providers.errors import ActionRequiredError, PaymentDeclinedError, ProviderUnavailableError
from providers.protocols import FoundState
from tests.providers.stripe.merchant import DAY, EUR, TENANT, Merchant, try_to

LAG = 60


def test_a_confirmed_payment_intent_is_claimed_and_keeps_the_shop_s_metadata(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.confirm(metadata={"cart": "7"})
    answered = merchant.authorise(key, token)
    assert answered.reference == token
    (intent,) = merchant.intents()
    assert intent["metadata"]["cart"] == "7"
    assert intent["metadata"]["changeover_key"] == f"{TENANT}:{key}"
    assert intent["metadata"]["changeover_tenant"] == TENANT
    assert merchant.authorise(key, token) == answered
    charge = merchant.provider.capture(TENANT, new_key("capture"), token, Money(700, "EUR"))
    merchant.provider.refund(TENANT, new_key("refund"), charge, Money(700, "EUR"))


@pytest.mark.parametrize(
    "shop",
    [
        {"amount": 900},
        {"currency": "usd"},
        {"capture_method": "automatic"},
        {"confirm": False},
    ],
    ids=str,
)
def test_a_payment_intent_that_is_not_what_was_agreed_is_declined(merchant: Merchant, shop: dict[str, Any]) -> None:
    token = merchant.confirm(**shop)
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(new_key("authorise"), token)
    assert "changeover_key" not in merchant.intents()[0]["metadata"]


def test_a_payment_intent_that_waits_for_its_payer_is_named_and_not_claimed(merchant: Merchant) -> None:
    token = merchant.confirm(payment_method="pm_card_authenticationRequired")
    with pytest.raises(ActionRequiredError) as refusal:
        merchant.authorise(new_key("authorise"), token)
    assert refusal.value.members == ({"reference": token},)
    assert merchant.intents()[0]["metadata"] == {}


def test_a_payment_intent_that_was_cancelled_or_has_ended_is_declined(merchant: Merchant) -> None:
    cancelled, ended = merchant.confirm(), merchant.confirm()
    merchant.sdk.v1.payment_intents.cancel(cancelled)
    merchant.emulator.advance(8 * DAY)
    for token in (cancelled, ended):
        with pytest.raises(PaymentDeclinedError):
            merchant.authorise(new_key("authorise"), token)
    assert [each["metadata"] for each in merchant.intents()] == [{}, {}]


def test_a_payment_intent_pays_once(merchant: Merchant) -> None:
    token = merchant.confirm()
    merchant.authorise(new_key("authorise"), token)
    for _ in range(2):
        with pytest.raises(PaymentDeclinedError):
            merchant.authorise(new_key("authorise"), token)
        merchant.restart()


def test_of_two_payments_that_claim_it_at_once_one_gets_it(merchant: Merchant) -> None:
    keys, token = [new_key("authorise") for _ in range(4)], merchant.confirm()
    providers = [merchant.connect() for _ in keys]
    with ThreadPoolExecutor(4) as pool:
        pairs = zip(providers, keys, strict=True)
        claims = [
            pool.submit(try_to, lambda p=provider, k=key: p.authorise(TENANT, k, EUR, "card", token))
            for provider, key in pairs
        ]
    assert len([each for each in claims if each.result()]) == 1


def test_the_loser_of_two_claims_is_declined_and_its_void_leaves_the_winner_alone(merchant: Merchant) -> None:
    """The second claim arrives between the reading and the claim of the first."""
    first, second, token = new_key("authorise"), new_key("authorise"), merchant.confirm()
    merchant.emulator.fail("cut", path=f"/v1/payment_intents/{token}", skip=1)
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(first, token)
    winner = merchant.connect()
    winner.authorise(TENANT, second, EUR, "card", token)
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(first, token)
    assert merchant.provider.find(TENANT, first).state is FoundState.NOTHING
    merchant.provider.void(TENANT, first, None)
    assert merchant.intents()[0]["status"] == "requires_capture"
    assert winner.find(TENANT, second).state is FoundState.AUTHORISED


def test_a_claim_whose_answer_is_lost_is_found_once_the_search_has_caught_up_and_voided(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.confirm()
    merchant.emulator.fail("cut", after=True, path=f"/v1/payment_intents/{token}", skip=1)
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    assert merchant.provider.find(TENANT, key).state is FoundState.CANNOT_SAY
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.void(TENANT, key, None)
    merchant.emulator.advance(LAG)
    merchant.provider.void(TENANT, key, None)
    assert merchant.intents()[0]["status"] == "canceled"
    assert merchant.provider.find(TENANT, key).state is FoundState.VOIDED


def test_a_claim_that_has_only_begun_is_voided_too(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.confirm()
    merchant.emulator.fail("cut", path=f"/v1/payment_intents/{token}", skip=1)
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    merchant.emulator.advance(LAG)
    merchant.provider.void(TENANT, key, None)
    assert merchant.intents()[0]["status"] == "canceled"


@pytest.mark.parametrize("kind", ["claimed", "saved"])
def test_a_void_that_comes_first_lets_nothing_be_authorised(merchant: Merchant, kind: str) -> None:
    key, token = new_key("authorise"), merchant.confirm() if kind == "claimed" else merchant.save()
    for _ in range(2):
        merchant.provider.void(TENANT, key, None)
        merchant.restart()
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(key, token)
    for intent in merchant.intents():
        assert "changeover_key" not in intent["metadata"]


def test_a_void_whose_payment_is_not_known_finds_it_in_the_list_before_the_search_does(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.save()
    merchant.emulator.fail("cut", after=True, path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    merchant.provider.void(TENANT, key, None)
    (intent,) = merchant.intents()
    assert intent["status"] == "canceled"
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(key, token)


def test_a_void_after_an_error_that_did_nothing_takes_the_next_number_out_of_use(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.save()
    merchant.emulator.fail("error", path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    merchant.provider.void(TENANT, key, None)
    merchant.restart()
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(key, token)
    assert merchant.intents() == []


@pytest.mark.parametrize("skip", [0, 1], ids=["claim-begun", "claimed"])
@pytest.mark.parametrize("after", [False, True], ids=["not-done", "done"])
def test_a_claim_whose_answer_is_lost_is_found_by_its_token_and_voided_at_once(
    merchant: Merchant, skip: int, *, after: bool
) -> None:
    key, token = new_key("authorise"), merchant.confirm()
    merchant.emulator.fail("cut", after=after, path=f"/v1/payment_intents/{token}", method="POST", skip=skip)
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    claimed = bool(skip and after)
    found = merchant.provider.find(TENANT, key, token).state
    assert found is (FoundState.AUTHORISED if claimed else FoundState.NOTHING)
    merchant.restart()
    merchant.provider.void(TENANT, key, None, token)
    assert merchant.intents()[0]["status"] == ("canceled" if skip or after else "requires_capture")
    merchant.restart()
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(key, token)


def test_the_void_of_a_claim_that_an_error_has_stopped_waits_for_nothing(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.confirm()
    merchant.emulator.fail("error", path=f"/v1/payment_intents/{token}", method="POST")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    merchant.provider.void(TENANT, key, None, token)
    # Nothing of ours was done to it, so it stays the shop's.
    assert (merchant.intents()[0]["status"], merchant.intents()[0]["metadata"]) == ("requires_capture", {})


def test_a_saved_card_whose_answer_is_lost_is_found_by_its_token(merchant: Merchant) -> None:
    key, other, token = new_key("authorise"), new_key("authorise"), merchant.save()
    merchant.emulator.fail("cut", after=True, path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()
    assert merchant.provider.find(TENANT, key, token).state is FoundState.AUTHORISED
    assert merchant.provider.find(TENANT, other, token).state is FoundState.NOTHING
    assert merchant.provider.find(TENANT, new_key("authorise")).state is FoundState.CANNOT_SAY


@pytest.mark.parametrize("token", ["pi_none", "pm_none", "erased"])
def test_a_token_that_leads_nowhere_keeps_no_void_waiting(merchant: Merchant, token: str) -> None:
    key = new_key("authorise")
    assert merchant.provider.find(TENANT, key, token).state is FoundState.CANNOT_SAY
    merchant.provider.void(TENANT, key, None, token)
    assert merchant.provider.find(TENANT, key).state is FoundState.VOIDED
