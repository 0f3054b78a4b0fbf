"""Refunds: in part, several, never too much, and some that succeed or fail later."""

import pytest
import stripe

from tests.stripe.control_client import Emulator
from tests.stripe.shop import authorise, capture, charge_of, pay, refund

DELAY = 60


def types(sdk: stripe.StripeClient) -> list[str]:
    return [each.type for each in reversed(sdk.v1.events.list({"limit": 100}).data)]


def test_a_payment_is_refunded_in_parts_until_nothing_remains(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/refunds ("more than one refund", never "a total greater than the original")."""
    intent = pay(sdk, 1000)
    first, second = refund(sdk, intent.id, 300), refund(sdk, intent.id, 200)
    assert {first.status, second.status} == {"succeeded"}
    rest = refund(sdk, intent.id)
    assert rest.amount == 500
    charge = charge_of(sdk, intent)
    assert (charge.amount_refunded, charge.refunded) == (1000, True)
    assert sdk.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_more_than_remains_cannot_be_refunded(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/refunds/create (an error "when trying to refund more money than is left").

    The message, which comes without a code, is quoted in public repositories.
    """
    intent = pay(sdk, 1000)
    refund(sdk, intent.id, 600)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount") as refused:
        refund(sdk, intent.id, 401)
    assert (refused.value.code, refused.value.param) == (None, "amount")
    assert refund(sdk, intent.id, 400).status == "succeeded"


def test_what_is_refunded_already_is_refused_by_its_own_code(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/error-codes#charge-already-refunded."""
    intent = pay(sdk, 1000)
    refund(sdk, intent.id)
    with pytest.raises(stripe.InvalidRequestError, match="has already been refunded") as refused:
        refund(sdk, intent.id, 1)
    assert refused.value.code == "charge_already_refunded"


def test_no_more_than_was_captured_can_be_refunded(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/refunds/create ("up to the remaining, unrefunded amount of the charge")."""
    intent = capture(sdk, authorise(sdk, 1000).id, 700)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        refund(sdk, intent.id, 701)
    assert refund(sdk, intent.id).amount == 700


def test_a_charge_can_be_refunded_by_its_own_id(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/refunds/create (`charge` or `payment_intent`)."""
    intent = pay(sdk)
    done = sdk.v1.refunds.create({"charge": str(intent.latest_charge), "metadata": {"move": "1"}})
    assert (done.payment_intent, done.metadata and done.metadata.to_dict()) == (intent.id, {"move": "1"})
    with pytest.raises(stripe.InvalidRequestError, match="should be provided"):
        sdk.v1.refunds.create({})


def test_a_refund_s_metadata_can_be_changed(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/refunds/update."""
    done = refund(sdk, pay(sdk).id)
    changed = sdk.v1.refunds.update(done.id, {"metadata": {"move": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"move": "2"}


def test_a_pending_refund_succeeds_later(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/testing#refunds (asynchronous success) and https://docs.stripe.com/api/refunds/object."""
    done = refund(sdk, pay(sdk, method="pm_card_pendingRefund").id)
    assert done.status == "pending"
    emulator.advance(DELAY - 1)
    assert sdk.v1.refunds.retrieve(done.id).status == "pending"
    emulator.advance(1)
    assert sdk.v1.refunds.retrieve(done.id).status == "succeeded"
    assert "refund.updated" in types(sdk)
    assert "refund.failed" not in types(sdk)


def test_a_refund_fails_after_it_was_called_successful(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/testing#refunds (asynchronous failure) and https://docs.stripe.com/refunds#failed-refunds.

    The test card's refund "will appear to be successful at first"; an event recorded in Zulip's fixtures shows
    `previous_attributes.status` of `succeeded`. The amount returns to the account and may be refunded again.
    """
    intent = pay(sdk, 1000, "pm_card_refundFail")
    done = refund(sdk, intent.id, 400)
    assert (done.status, charge_of(sdk, intent).amount_refunded) == ("succeeded", 400)
    emulator.advance(DELAY)
    failed = sdk.v1.refunds.retrieve(done.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (charge_of(sdk, intent).amount_refunded, charge_of(sdk, intent).refunded) == (0, False)
    assert types(sdk)[-3:] == ["refund.updated", "refund.failed", "charge.refund.updated"]
    assert refund(sdk, intent.id).amount == 1000


def test_a_refund_waits_for_the_account_s_balance(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/refunds ("holds the refund as pending").

    `pending_reason`: https://docs.stripe.com/changelog/basil/2025-04-30/refund-pending-reason.
    """
    emulator.reset(refunds_wait=True)
    done = refund(sdk, pay(sdk).id)
    assert (done.status, done.pending_reason) == ("pending", "insufficient_funds")
    emulator.advance(100 * DELAY)
    assert sdk.v1.refunds.retrieve(done.id).status == "pending"
    emulator.run("refund", refund=done.id, status="succeeded")
    assert sdk.v1.refunds.retrieve(done.id).status == "succeeded"


def test_a_pending_refund_may_fail(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/api/refunds/object (values of `status`)."""
    intent = pay(sdk, 1000, "pm_card_pendingRefund")
    done = refund(sdk, intent.id)
    emulator.run("refund", refund=done.id, status="failed")
    emulator.advance(DELAY)
    assert sdk.v1.refunds.retrieve(done.id).status == "failed"
    assert charge_of(sdk, intent).amount_refunded == 0


def test_a_pending_refund_counts_as_refunded_meanwhile(sdk: stripe.StripeClient) -> None:
    """From memory: a pending refund leaves nothing to refund again."""
    intent = pay(sdk, 1000, "pm_card_pendingRefund")
    refund(sdk, intent.id)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(sdk, intent.id)
    assert refused.value.code == "charge_already_refunded"


def test_a_disputed_charge_cannot_be_refunded(sdk: stripe.StripeClient, emulator: Emulator) -> None:
    """Source: https://docs.stripe.com/error-codes#charge-disputed."""
    intent = pay(sdk)
    emulator.run("dispute", charge=intent.latest_charge)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        refund(sdk, intent.id)
    assert refused.value.code == "charge_disputed"


def test_refunds_are_listed_by_their_payment(sdk: stripe.StripeClient) -> None:
    """Source: https://docs.stripe.com/api/refunds/list (`payment_intent`, `charge`; newest first)."""
    intent, other = pay(sdk), pay(sdk)
    parts = [refund(sdk, intent.id, amount).id for amount in (100, 200, 300)]
    refund(sdk, other.id)
    assert [each.id for each in sdk.v1.refunds.list({"payment_intent": intent.id}).data] == parts[::-1]
    assert len(sdk.v1.refunds.list({"charge": str(other.latest_charge)}).data) == 1
