"""The contract of a payment provider, as tests."""

import pytest

from domain.money import Money
from providers.contracts.assertions import REFERENCE_LENGTH, expect_failure, leaked_secrets, new_key
from providers.contracts.payments_under_test import Paid, PaymentsUnderTest
from providers.errors import ActionRequiredError, PaymentDeclinedError, RefundDeclinedError
from providers.protocols import FoundState
from store.database.store import utc_now


class PaymentsContract:
    """The contract of every payment provider. Give it a fixture `payments` that returns a PaymentsUnderTest."""

    def test_the_same_key_authorises_once(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        assert payments.authorise(key) == payments.authorise(key)
        payment = Paid(key, payments.authorise(key).reference)
        with expect_failure():
            payments.capture(payment, 101)
        assert payments.has_captured(payments.capture(payment), 100)

    def test_references_fit_our_database(self, payments: PaymentsUnderTest) -> None:
        payment = payments.capture_new()
        for reference in (payment.authorisation, payment.capture):
            assert 0 < len(reference) <= REFERENCE_LENGTH

    def test_an_authorisation_that_ends_by_itself_says_when(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        first = payments.authorise(key)
        assert first.expires_at is None or first.expires_at > utc_now()
        assert payments.authorise(key).expires_at == first.expires_at
        payments.capture(Paid(key, first.reference))

    def test_a_declined_authorisation_stays_declined(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        for _ in range(2):
            with pytest.raises(PaymentDeclinedError):
                payments.authorise(key, token=payments.declined)
        with expect_failure():
            payments.capture(Paid(key, key), 1)

    def test_an_authorisation_that_needs_its_payer_names_what_the_shop_continues_with(
        self, payments: PaymentsUnderTest
    ) -> None:
        if not payments.action_required:
            pytest.skip("the test system has no token for this")
        key = new_key("authorise")
        named = set()
        for _ in range(2):
            with pytest.raises(ActionRequiredError) as refusal:
                payments.authorise(key, token=payments.action_required)
            assert not leaked_secrets(refusal.value, payments.action_required)
            ((about,),) = [refusal.value.members]
            named.add(str(about["reference"]))
        (reference,) = named
        assert 0 < len(reference) <= REFERENCE_LENGTH
        assert payments.action_required not in reference
        nothing = (FoundState.NOTHING, FoundState.VOIDED, FoundState.CANNOT_SAY)
        assert payments.find(key).state in nothing
        payments.provider.void(payments.tenant, key, None)
        assert payments.find(key).state in nothing

    def test_a_voided_authorisation_is_never_captured(self, payments: PaymentsUnderTest) -> None:
        by_reference, by_key = payments.authorise_new(), payments.authorise_new()
        payments.void(by_reference)
        # The answer to the authorisation may be lost, so that the void has no reference to pass.
        payments.provider.void(payments.tenant, by_key.key, None)
        for payment in (by_reference, by_key):
            with pytest.raises(PaymentDeclinedError):
                payments.capture(payment, 1)
            assert payments.find(payment.key).state is FoundState.VOIDED

    def test_voiding_twice_or_under_an_unused_key_changes_no_other_payment(self, payments: PaymentsUnderTest) -> None:
        payment, other = payments.authorise_new(), payments.authorise_new()
        for _ in range(2):
            payments.void(payment)
        payments.provider.void(payments.tenant, new_key("authorise"), None)
        assert payments.has_captured(payments.capture(other), 100)

    def test_no_more_is_captured_than_was_authorised(self, payments: PaymentsUnderTest) -> None:
        payment = payments.authorise_new(100)
        with expect_failure():
            payments.capture(payment, 101)
        assert payments.has_captured(payments.capture(payment, 40), 40)

    def test_no_more_is_refunded_than_was_captured(self, payments: PaymentsUnderTest) -> None:
        payment = payments.capture_new(100)
        payments.refund(payment, 30)
        assert payments.has_captured(payment, 70)

    def test_amounts_in_another_currency_and_unknown_payments_are_not_moved(self, payments: PaymentsUnderTest) -> None:
        payment, provider = payments.authorise_new(), payments.provider
        with expect_failure():
            other = Money(payments.unit, payments.other_currency)
            provider.capture(payments.tenant, new_key("capture"), payment.authorisation, other)
        unknown = Paid(new_key("authorise"), "no reference", "no reference")
        with expect_failure():
            payments.capture(unknown, 1)
        with expect_failure():
            payments.refund(unknown, 1)
        assert payments.has_captured(payments.capture(payment), 100)

    def test_a_declined_capture_and_a_declined_refund_are_different_errors(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_capture or not payments.refuses_refund:
            pytest.skip("the test system has no tokens for this")
        with pytest.raises(PaymentDeclinedError):
            payments.capture(payments.authorise_new(token=payments.refuses_capture))
        with pytest.raises(RefundDeclinedError):
            payments.refund(payments.capture_new(token=payments.refuses_refund), 100)

    def test_a_declined_refund_moves_nothing_of_another_payment(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_refund:
            pytest.skip("the test system has no token for this")
        older, refuses = payments.capture_new(), payments.capture_new(token=payments.refuses_refund)
        newer = payments.capture_new()
        payments.refund(newer, 60)
        with pytest.raises(RefundDeclinedError):
            payments.refund(refuses, 60)
        payments.refund(older, 60)
        assert payments.has_captured(newer, 40)
        assert payments.has_captured(older, 40)

    def test_an_authorisation_is_found_as_what_has_become_of_it(self, payments: PaymentsUnderTest) -> None:
        payment = payments.authorise_new()
        found = payments.find(payment.key)
        assert (found.state, found.amount) == (FoundState.AUTHORISED, payments.money(100))
        assert found.reference == payment.authorisation
        captured = payments.capture(payment, 40)
        found = payments.find(payment.key)
        assert (found.state, found.amount) == (FoundState.CAPTURED, payments.money(40))
        assert found.reference == captured.capture

    def test_no_token_is_in_a_reference_an_error_or_a_log(
        self, payments: PaymentsUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        assert payments.token not in payments.authorise(new_key("authorise")).reference
        with pytest.raises(PaymentDeclinedError) as refusal:
            payments.authorise(new_key("authorise"), token=payments.declined)
        assert not leaked_secrets(refusal.value, payments.declined)
        assert payments.token not in caplog.text
        assert payments.declined not in caplog.text
