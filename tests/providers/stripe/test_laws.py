"""What the adapter of Stripe promises beyond the contract: keys, amounts, refusals, and what it believes."""

import logging
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from domain.money import Money
from providers.contracts.assertions import expect_failure, is_fault, new_key
from providers.errors import (
    ActionRequiredError,
    AuthorisationEndedError,
    PaymentDeclinedError,
    ProviderUnavailableError,
    RefundDeclinedError,
)
from providers.protocols import Found, FoundState, RefundState
from tests.providers.stripe.merchant import DAY, EUR, TENANT, Merchant

LAG = 60
NO_REDIRECTS: Any = {"enabled": True, "allow_redirects": "never"}
VISA_OFF_SESSION = timedelta(days=4, hours=18)


def key_of(request: dict[str, Any]) -> str:
    return str(request["key"])


def authorise_lost(merchant: Merchant, key: str, token: str) -> None:
    """Authorise, and lose the answer and the process that was waiting for it."""
    merchant.emulator.fail("cut", after=True, path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    merchant.restart()


def test_every_act_has_an_idempotency_key_of_its_own_that_contains_ours(merchant: Merchant) -> None:
    authorised, captured, refunded, voided = (new_key(each) for each in ("authorise", "capture", "refund", "void"))
    other = merchant.authorise(voided, merchant.save()).reference
    reference = merchant.authorise(authorised, merchant.save()).reference
    charge = merchant.provider.capture(TENANT, captured, reference, EUR)
    merchant.provider.refund(TENANT, refunded, charge, EUR)
    merchant.provider.void(TENANT, voided, other)
    sent = [
        each for each in merchant.emulator.requests() if each["path"].startswith(("/v1/payment_intents", "/v1/ref"))
    ]
    keys = [key_of(each) for each in sent]
    assert len(set(keys)) == len(keys) == 6
    for key in (authorised, captured, refunded, voided):
        assert [each for each in keys if key in each]
    assert all(key.startswith(f"{TENANT}:") for key in keys)


def test_an_authorisation_captures_nothing_and_says_when_it_ends(merchant: Merchant) -> None:
    answered = merchant.authorise(new_key("authorise"), merchant.save())
    (intent,) = merchant.intents()
    assert (intent["status"], intent["amount_received"]) == ("requires_capture", 0)
    assert answered.expires_at is not None
    assert answered.expires_at.timestamp() == merchant.emulator.now + VISA_OFF_SESSION.total_seconds()


def test_the_end_is_that_of_the_latest_charge(merchant: Merchant) -> None:
    intent = merchant.sdk.v1.payment_intents.create(
        {"amount": 1000, "currency": "eur", "capture_method": "manual", "automatic_payment_methods": NO_REDIRECTS}
    )
    with expect_failure():
        merchant.sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})
    merchant.emulator.advance(100)
    merchant.sdk.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    answered = merchant.authorise(new_key("authorise"), intent.id)
    assert answered.expires_at is not None
    assert answered.expires_at.timestamp() == merchant.emulator.now + 7 * DAY


@pytest.mark.parametrize(
    "card",
    [
        "pm_card_chargeDeclined",
        "pm_card_chargeDeclinedInsufficientFunds",
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_chargeDeclinedProcessingError",
    ],
)
def test_a_decline_is_a_refusal_and_stays_one(merchant: Merchant, card: str) -> None:
    key, token = new_key("authorise"), merchant.save(card)
    for _ in range(2):
        with pytest.raises(PaymentDeclinedError):
            merchant.authorise(key, token)
        merchant.restart()
        merchant.emulator.advance(DAY)
    assert len(merchant.intents()) == 1


def refused_for_action(merchant: Merchant, key: str, token: str) -> str:
    """Return the PaymentIntent that a refusal names for the shop to continue with."""
    with pytest.raises(ActionRequiredError) as refusal:
        merchant.authorise(key, token)
    ((name, reference),) = refusal.value.members[0].items()
    assert name == "reference"
    return str(reference)


def test_a_payment_whose_payer_must_authenticate_is_left_to_the_shop_and_paid_with_as_its_own(
    merchant: Merchant,
) -> None:
    key, other, token = new_key("authorise"), new_key("authorise"), merchant.save("pm_card_authenticationRequired")
    reference = refused_for_action(merchant, key, token)
    merchant.provider.void(TENANT, key, None)
    # With the payer at the screen, by the client_secret that the shop reads with its own key.
    merchant.sdk.v1.payment_intents.confirm(reference, {"payment_method": token})
    merchant.emulator.run("authenticate", intent=reference, succeeds=True)
    assert merchant.authorise(other, reference).reference == reference
    assert merchant.provider.find(TENANT, key).state is not FoundState.AUTHORISED
    merchant.provider.void(TENANT, key, None)
    assert merchant.provider.find(TENANT, other).state is FoundState.AUTHORISED
    assert len(merchant.intents()) == 1


@pytest.mark.parametrize("after", [False, True])
def test_what_is_left_to_the_shop_is_named_again_whatever_answer_was_lost(merchant: Merchant, *, after: bool) -> None:
    key, token = new_key("authorise"), merchant.save("pm_card_authenticationRequired")
    # The creation, then the update that leaves it to the shop.
    for path in ("/v1/payment_intents", "/v1/payment_intents/.*"):
        merchant.emulator.fail("cut", after=after, path=path)
        with pytest.raises(ProviderUnavailableError):
            merchant.authorise(key, token)
        merchant.restart()
    named = {refused_for_action(merchant, key, token) for _ in range(2)}
    assert named == {each["id"] for each in merchant.intents()}
    assert [each["metadata"] for each in merchant.intents()] == [{"changeover_handed_over": f"{TENANT}:{key}"}]


def test_nothing_secret_is_in_what_the_shop_is_to_continue_with(merchant: Merchant) -> None:
    reference = refused_for_action(merchant, new_key("authorise"), merchant.save("pm_card_authenticationRequired"))
    (intent,) = merchant.intents()
    assert reference == intent["id"]
    assert intent["client_secret"] not in reference


@pytest.mark.parametrize("token", ["pm_none", "pi_none", "tok_visa"])
def test_a_token_that_stripe_does_not_know_is_declined(merchant: Merchant, token: str) -> None:
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(new_key("authorise"), token)


def test_a_card_that_is_not_saved_is_declined(merchant: Merchant) -> None:
    token = merchant.sdk.v1.payment_intents.create(
        {"amount": 1000, "currency": "eur", "payment_method": "pm_card_visa"}
    )
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(new_key("authorise"), str(token.payment_method))


def test_a_saved_card_is_charged_off_session_for_its_customer(merchant: Merchant) -> None:
    token = merchant.save("pm_card_authenticationRequiredSetupForOffSession")
    merchant.authorise(new_key("authorise"), token)
    (intent,) = merchant.intents()
    assert (intent["status"], intent["payment_method"]) == ("requires_capture", token)
    assert intent["customer"]


@pytest.mark.parametrize("minor", [49, 100_000_000])
def test_what_is_below_the_minimum_or_above_the_maximum_is_declined(merchant: Merchant, minor: int) -> None:
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(new_key("authorise"), merchant.save(), Money(minor, "EUR"))


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        (Money(1000, "EUR"), 1000),
        (Money(1000, "JPY"), 1000),
        (Money(1000, "ISK"), 100_000),
        (Money(1000, "UGX"), 100_000),
        (Money(5120, "KWD"), 5120),
        (Money(100_000, "MGA"), 1000),
    ],
)
def test_amounts_are_sent_in_the_units_of_stripe(merchant: Merchant, amount: Money, units: int) -> None:
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save(), amount).reference
    merchant.provider.capture(TENANT, new_key("capture"), reference, amount)
    (intent,) = merchant.intents()
    assert (intent["amount"], intent["amount_received"]) == (units, units)
    assert intent["currency"] == amount.currency.lower()
    assert merchant.provider.find(TENANT, key).amount == amount


@pytest.mark.parametrize("amount", [Money(5124, "KWD"), Money(150, "MGA"), Money(1000, "IQD"), Money(0, "EUR")])
def test_an_amount_that_stripe_cannot_move_exactly_is_refused_before_it_is_sent(
    merchant: Merchant, amount: Money
) -> None:
    token = merchant.save()
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(new_key("authorise"), token, amount)
    assert merchant.intents() == []
    reference = merchant.authorise(new_key("authorise"), token, Money(10_000, "KWD")).reference
    if amount.currency == "KWD":
        with pytest.raises(PaymentDeclinedError):
            merchant.provider.capture(TENANT, new_key("capture"), reference, amount)
        charge = merchant.provider.capture(TENANT, new_key("capture"), reference, Money(10_000, "KWD"))
        with pytest.raises(RefundDeclinedError):
            merchant.provider.refund(TENANT, new_key("refund"), charge, amount)


def test_a_capture_takes_its_amount_and_releases_the_rest(merchant: Merchant) -> None:
    reference = merchant.authorise(new_key("authorise"), merchant.save()).reference
    charge = merchant.provider.capture(TENANT, new_key("capture"), reference, Money(700, "EUR"))
    assert merchant.intents()[0]["amount_received"] == 700
    # What Stripe released is not a refund that we made: all of what was captured can be refunded.
    assert merchant.provider.refund(TENANT, new_key("refund"), charge, Money(700, "EUR")) is RefundState.DONE
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.refund(TENANT, new_key("refund"), charge, Money(1, "EUR"))


@pytest.mark.parametrize(
    "members",
    [{"amount_received": 1}, {"status": "processing"}, {"currency": "usd"}, {"id": "pi_other"}, {"metadata": {}}],
)
def test_a_capture_that_answers_something_else_is_a_fault_that_find_resolves(
    merchant: Merchant, members: dict[str, Any]
) -> None:
    reference, key = merchant.authorise(new_key("authorise"), merchant.save()).reference, new_key("capture")
    merchant.emulator.fail("altered", members=members, path=".*/capture")
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.capture(TENANT, key, reference, EUR)
    found = merchant.provider.find(TENANT, key)
    assert (found.state, found.amount) == (FoundState.CAPTURED, EUR)
    assert merchant.provider.capture(TENANT, key, reference, EUR) == found.reference


@pytest.mark.parametrize(
    "members",
    [{"amount": 1}, {"currency": "usd"}, {"capture_method": "automatic"}, {"metadata": {}}, {"status": "processing"}],
)
def test_an_authorisation_that_answers_something_else_is_a_fault(merchant: Merchant, members: dict[str, Any]) -> None:
    key, token = new_key("authorise"), merchant.save()
    merchant.emulator.fail("altered", members=members, path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(key, token)
    assert merchant.authorise(key, token).reference == merchant.intents()[0]["id"]
    assert len(merchant.intents()) == 1


@pytest.mark.parametrize(
    "members", [{"amount": 1}, {"currency": "usd"}, {"charge": "ch_other"}, {"metadata": {}}, {"status": "new"}]
)
def test_a_refund_that_answers_something_else_is_a_fault(merchant: Merchant, members: dict[str, Any]) -> None:
    charge, key = merchant.capture_new(), new_key("refund")
    merchant.emulator.fail("altered", members=members, path="/v1/refunds")
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.refund(TENANT, key, charge, EUR)
    assert merchant.provider.refund(TENANT, key, charge, EUR) is RefundState.DONE
    assert len(merchant.refunds()) == 1


def test_a_void_that_answers_something_else_is_a_fault(merchant: Merchant) -> None:
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save()).reference
    merchant.emulator.fail("altered", members={"status": "requires_capture"}, path=".*/cancel")
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.void(TENANT, key, reference)
    merchant.provider.void(TENANT, key, reference)


def test_an_authorisation_that_has_ended_refuses_its_capture_as_ended_and_is_void(merchant: Merchant) -> None:
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save()).reference
    merchant.emulator.advance(8 * DAY)
    with pytest.raises(AuthorisationEndedError):
        merchant.provider.capture(TENANT, new_key("capture"), reference, EUR)
    merchant.provider.void(TENANT, key, reference)
    assert merchant.provider.find(TENANT, key).state is FoundState.VOIDED


def test_a_voided_authorisation_refuses_its_capture_as_declined(merchant: Merchant) -> None:
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save()).reference
    for _ in range(2):
        merchant.provider.void(TENANT, key, reference)
        merchant.emulator.advance(DAY)
    with pytest.raises(PaymentDeclinedError):
        merchant.provider.capture(TENANT, new_key("capture"), reference, EUR)


def test_a_captured_payment_is_not_voided(merchant: Merchant) -> None:
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save()).reference
    merchant.provider.capture(TENANT, new_key("capture"), reference, EUR)
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.void(TENANT, key, reference)


def test_a_void_changes_no_payment_of_another_key(merchant: Merchant) -> None:
    reference = merchant.authorise(new_key("authorise"), merchant.save()).reference
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.void(TENANT, new_key("authorise"), reference)
    assert merchant.intents()[0]["status"] == "requires_capture"


def test_a_capture_whose_answer_is_lost_is_taken_as_done_though_stripe_has_forgotten_the_key(
    merchant: Merchant,
) -> None:
    reference, key = merchant.authorise(new_key("authorise"), merchant.save()).reference, new_key("capture")
    merchant.emulator.fail("cut", after=True, path=".*/capture")
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.capture(TENANT, key, reference, EUR)
    merchant.restart()
    merchant.emulator.advance(25 * 60 * 60)
    charge = merchant.provider.capture(TENANT, key, reference, EUR)
    assert merchant.provider.find(TENANT, key) == Found(FoundState.CAPTURED, EUR, charge)


def test_what_another_key_has_captured_is_not_taken_as_done(merchant: Merchant) -> None:
    reference = merchant.authorise(new_key("authorise"), merchant.save()).reference
    merchant.provider.capture(TENANT, new_key("capture"), reference, EUR)
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.capture(TENANT, new_key("capture"), reference, EUR)


def test_an_authorisation_whose_answer_is_lost_is_made_once_though_stripe_has_forgotten_the_key(
    merchant: Merchant,
) -> None:
    key, token = new_key("authorise"), merchant.save()
    authorise_lost(merchant, key, token)
    merchant.emulator.advance(25 * 60 * 60)
    assert merchant.authorise(key, token).reference == merchant.intents()[0]["id"]
    assert len(merchant.intents()) == 1


def test_a_refund_whose_answer_is_lost_is_made_once_though_stripe_has_forgotten_the_key(merchant: Merchant) -> None:
    charge, key = merchant.capture_new(), new_key("refund")
    merchant.emulator.fail("cut", after=True, path="/v1/refunds")
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.refund(TENANT, key, charge, Money(400, "EUR"))
    merchant.restart()
    merchant.emulator.advance(25 * 60 * 60)
    merchant.provider.refund(TENANT, key, charge, Money(400, "EUR"))
    assert [each["amount"] for each in merchant.refunds()] == [400]


def test_a_search_that_lags_never_says_nothing(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.save()
    authorise_lost(merchant, key, token)
    assert merchant.provider.find(TENANT, key).state is FoundState.CANNOT_SAY
    merchant.emulator.advance(LAG)
    assert merchant.provider.find(TENANT, key).state is FoundState.AUTHORISED
    assert merchant.provider.find(TENANT, new_key("authorise")).state is FoundState.CANNOT_SAY


def test_what_a_search_finds_is_read_as_it_is_now(merchant: Merchant) -> None:
    key, captured, refunded = new_key("authorise"), new_key("capture"), new_key("refund")
    reference = merchant.authorise(key, merchant.save()).reference
    merchant.emulator.advance(LAG)
    charge = merchant.provider.capture(TENANT, captured, reference, EUR)
    merchant.restart()
    assert merchant.provider.find(TENANT, key) == Found(FoundState.CAPTURED, EUR, charge)
    assert merchant.provider.find(TENANT, captured).state is FoundState.CANNOT_SAY
    merchant.provider.refund(TENANT, refunded, charge, Money(300, "EUR"))
    merchant.restart()
    merchant.emulator.advance(LAG)
    assert merchant.provider.find(TENANT, captured) == Found(FoundState.CAPTURED, EUR, charge)
    found = merchant.provider.find(TENANT, refunded)
    assert (found.state, found.amount, found.refund) == (FoundState.REFUNDED, Money(300, "EUR"), RefundState.DONE)


def test_a_process_that_has_just_been_refused_can_say_that_nothing_was_done(merchant: Merchant) -> None:
    """So that the refusal after a lost answer is believed."""
    key = new_key("authorise")
    with pytest.raises(PaymentDeclinedError):
        merchant.authorise(key, merchant.save("pm_card_chargeDeclined"))
    assert merchant.provider.find(TENANT, key).state is FoundState.NOTHING
    charge, key = merchant.capture_new(card="pm_card_createDispute"), new_key("refund")
    with pytest.raises(RefundDeclinedError):
        merchant.provider.refund(TENANT, key, charge, EUR)
    assert merchant.provider.find(TENANT, key).state is FoundState.NOTHING


def test_lists_are_read_to_their_end(merchant: Merchant) -> None:
    """Stripe's pages hold at most 100 objects."""
    key, charge = new_key("refund"), merchant.capture_new(Money(20_000, "EUR"))
    merchant.provider.refund(TENANT, key, charge, Money(100, "EUR"))
    for _ in range(101):
        merchant.sdk.v1.refunds.create({"charge": charge, "amount": 100})
    merchant.restart()
    merchant.emulator.advance(2 * DAY)
    merchant.provider.refund(TENANT, key, charge, Money(100, "EUR"))
    assert len(merchant.refunds()) == 1
    key, token = new_key("authorise"), merchant.save()
    first = merchant.authorise(key, token).reference
    customer = merchant.intents()[-1]["customer"]
    for _ in range(101):
        merchant.sdk.v1.payment_intents.create({"amount": 1000, "currency": "eur", "customer": customer})
    merchant.restart()
    merchant.emulator.advance(DAY)
    assert merchant.authorise(key, token).reference == first


def test_a_pending_refund_is_pending_until_it_succeeds_or_fails(merchant: Merchant) -> None:
    key, charge = new_key("refund"), merchant.capture_new(card="pm_card_pendingRefund")
    assert merchant.provider.refund(TENANT, key, charge, EUR) is RefundState.PENDING
    assert merchant.provider.find(TENANT, key).refund is RefundState.PENDING
    merchant.emulator.advance(LAG)
    merchant.restart()
    assert merchant.provider.find(TENANT, key).refund is RefundState.DONE


def test_a_refund_that_fails_after_it_succeeded_is_found_so(merchant: Merchant) -> None:
    key, charge = new_key("refund"), merchant.capture_new(card="pm_card_refundFail")
    assert merchant.provider.refund(TENANT, key, charge, EUR) is RefundState.DONE
    merchant.emulator.advance(LAG)
    merchant.restart()
    assert merchant.provider.find(TENANT, key).refund is RefundState.FAILED
    with pytest.raises(RefundDeclinedError):
        merchant.provider.refund(TENANT, key, charge, EUR)


def test_a_refund_of_a_disputed_payment_is_declined(merchant: Merchant) -> None:
    disputed = merchant.capture_new()
    merchant.emulator.run("dispute", charge=disputed)
    with pytest.raises(RefundDeclinedError):
        merchant.provider.refund(TENANT, new_key("refund"), disputed, EUR)
    assert merchant.refunds() == []


@pytest.mark.parametrize("amount", [400, 1000])
def test_a_refund_of_what_was_refunded_in_the_dashboard_is_a_case_and_goes_to_no_other_card(
    merchant: Merchant, amount: int
) -> None:
    """All of it, and so much that too little is left: Stripe's answers differ."""
    charge = merchant.capture_new()
    merchant.sdk.v1.refunds.create({"charge": charge, "amount": amount})
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.refund(TENANT, new_key("refund"), charge, EUR)
    assert merchant.refunds() == []


def test_each_of_several_captures_is_refunded_by_its_own_reference(merchant: Merchant) -> None:
    charges = [merchant.capture_new() for _ in range(2)]
    for number, charge in enumerate(charges, 1):
        merchant.provider.refund(TENANT, new_key("refund"), charge, Money(100 * number, "EUR"))
    assert [(each["charge"], each["amount"]) for each in merchant.refunds()] == [(charges[0], 100), (charges[1], 200)]


def test_a_restored_backup_is_a_fault_and_no_new_payment(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.save()
    merchant.emulator.run("backup")
    reference = merchant.authorise(key, token).reference
    merchant.emulator.run("restore")
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.capture(TENANT, new_key("capture"), reference, EUR)
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.void(TENANT, key, reference)
    with pytest.raises(ProviderUnavailableError):
        merchant.provider.find(TENANT, key)
    merchant.restart()
    assert merchant.provider.find(TENANT, key).state is FoundState.CANNOT_SAY


def test_a_tenant_s_key_reaches_its_own_account_only(merchant: Merchant) -> None:
    keys = ["sk_test_a", "sk_test_b"]
    merchant.emulator.reset(keys=keys)
    by_tenant = {tenant: SecretStr(key) for tenant, key in zip("ab", keys, strict=True)}
    provider = merchant.connect(api_key=None, api_keys=by_tenant)
    for tenant, key in by_tenant.items():
        with Merchant(merchant.emulator, api_key=key.get_secret_value()) as own:
            provider.authorise(tenant, new_key("authorise"), EUR, "card", own.save())
            assert [each["metadata"]["changeover_tenant"] for each in own.intents()] == [tenant]
    with pytest.raises(ProviderUnavailableError):
        provider.authorise("c", new_key("authorise"), EUR, "card", "pm_card_visa")


def test_tenants_that_share_an_account_have_keys_of_their_own(merchant: Merchant) -> None:
    key, token = new_key("authorise"), merchant.save()
    references = {merchant.provider.authorise(tenant, key, EUR, "card", token).reference for tenant in "ab"}
    assert len(references) == len(merchant.intents()) == 2


def test_a_request_that_is_not_answered_ends_in_time(merchant: Merchant) -> None:
    provider, token = merchant.connect(timeout=timedelta(seconds=1)), merchant.save()
    merchant.emulator.fail("hold", path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        provider.authorise(TENANT, new_key("authorise"), EUR, "card", token)
    merchant.emulator.release()


@pytest.mark.parametrize("trouble", ["cut", "lock"])
def test_the_sdk_sends_each_request_once(merchant: Merchant, trouble: str) -> None:
    token = merchant.save()
    merchant.emulator.fail(trouble, path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError):
        merchant.authorise(new_key("authorise"), token)
    assert len([each for each in merchant.emulator.requests() if each["path"] == "/v1/payment_intents"]) == 1


def test_nothing_of_a_card_a_key_or_an_answer_is_logged(
    merchant: Merchant, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    token = merchant.save()
    merchant.emulator.fail("error", path="/v1/payment_intents")
    with pytest.raises(ProviderUnavailableError) as fault:
        merchant.authorise(new_key("authorise"), token)
    with pytest.raises(PaymentDeclinedError) as refusal:
        merchant.authorise(new_key("authorise"), merchant.save("pm_card_chargeDeclined"))
    printed = capfd.readouterr()
    emitted = caplog.text + printed.out + printed.err + repr(fault.value) + repr(refusal.value)
    for secret in (merchant.api_key, token, "4242", "declined.", "secret"):
        assert secret not in emitted
    assert is_fault(fault.value)
