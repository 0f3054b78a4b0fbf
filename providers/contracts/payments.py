"""The contract of a payment provider, as tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from domain.money import Money
from domain.settlement import Move, MoveKind
from providers.contracts.assertions import (
    REFERENCE_LENGTH,
    assert_fault_within,
    expect_failure,
    leaked_secrets,
    new_key,
)
from providers.contracts.fault_proxy import Trouble
from providers.errors import PaymentDeclinedError, RefundDeclinedError
from providers.protocols import PaymentProvider


@dataclass(frozen=True)
class PaymentsUnderTest:
    """A payment provider, and payment tokens of its test system."""

    provider: PaymentProvider
    token: str
    """A token that is authorised, captured and refunded."""
    declined: str
    """A token whose authorisation is declined."""
    refuses_capture: str = ""
    """A token that is authorised and whose capture is declined; empty if the test system has none."""
    refuses_refund: str = ""
    """A token that is captured and whose refund is declined; empty if the test system has none."""
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Injects a fault while a block lasts; None for a provider without an external system."""
    tenant: str = "default"
    method: str = "card"
    currency: str = "NOK"
    other_currency: str = "CHF"
    call_timeout: timedelta = timedelta(seconds=15)
    """The longest that one call may take: an attempt at a step times out after 20 seconds."""

    def authorise(self, key: str, minor: int = 100, token: str | None = None) -> str:
        """Authorise an amount in minor units; return the provider's reference."""
        amount = Money(minor, self.currency)
        return self.provider.authorise(self.tenant, key, amount, self.method, token or self.token)

    def authorise_new(self, minor: int = 100, token: str | None = None) -> str:
        """Authorise an amount in minor units under a new key; return the key."""
        key = new_key("authorise")
        self.authorise(key, minor, token)
        return key

    def settle(self, *moves: Move, key: str | None = None) -> None:
        """Make moves in one settlement, under a new key unless one is given."""
        self.provider.settle(self.tenant, key or new_key("settle"), moves)

    def capture(self, payment: str, minor: int, currency: str | None = None) -> Move:
        """Return the move that captures an amount in minor units."""
        return Move(kind=MoveKind.CAPTURE, payment=payment, amount=Money(minor, currency or self.currency))

    def refund(self, payment: str, minor: int) -> Move:
        """Return the move that refunds an amount in minor units."""
        return Move(kind=MoveKind.REFUND, payment=payment, amount=Money(minor, self.currency))

    def void(self, payment: str, minor: int = 100) -> Move:
        """Return the move that voids an authorisation."""
        return Move(kind=MoveKind.VOID, payment=payment, amount=Money(minor, self.currency))

    def has_captured(self, payment: str, minor: int) -> bool:
        """Whether exactly this amount is captured and not refunded: it can be refunded, and not one unit more."""
        with expect_failure():
            self.settle(self.refund(payment, minor + 1))
        self.settle(self.refund(payment, minor))
        with expect_failure():
            self.settle(self.refund(payment, 1))
        return True


class PaymentsContract:
    """The contract of every payment provider. Give it a fixture `payments` that returns a PaymentsUnderTest."""

    def test_the_same_key_authorises_once(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        assert payments.authorise(key) == payments.authorise(key)
        with expect_failure():
            payments.settle(payments.capture(key, 101))
        payments.settle(payments.capture(key, 100))
        assert payments.has_captured(key, 100)

    def test_references_fit_our_database(self, payments: PaymentsUnderTest) -> None:
        assert 0 < len(payments.authorise(new_key("authorise"))) <= REFERENCE_LENGTH

    def test_a_declined_authorisation_stays_declined(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        for _ in range(2):
            with pytest.raises(PaymentDeclinedError):
                payments.authorise(key, token=payments.declined)
        with expect_failure():
            payments.settle(payments.capture(key, 1))

    def test_a_voided_authorisation_is_never_captured(self, payments: PaymentsUnderTest) -> None:
        undone, settled = payments.authorise_new(), payments.authorise_new()
        payments.provider.void(payments.tenant, undone)
        payments.settle(payments.void(settled))
        for key in (undone, settled):
            with pytest.raises(PaymentDeclinedError):
                payments.settle(payments.capture(key, 1))

    def test_voiding_twice_or_under_an_unused_key_changes_no_other_payment(self, payments: PaymentsUnderTest) -> None:
        key, other = payments.authorise_new(), payments.authorise_new()
        for voided in (key, key, new_key("authorise")):
            payments.provider.void(payments.tenant, voided)
        payments.settle(payments.capture(other, 100))
        assert payments.has_captured(other, 100)

    def test_no_more_is_captured_than_was_authorised(self, payments: PaymentsUnderTest) -> None:
        key = payments.authorise_new(100)
        with expect_failure():
            payments.settle(payments.capture(key, 101))
        payments.settle(payments.capture(key, 40))
        assert payments.has_captured(key, 40)

    def test_no_more_is_refunded_than_was_captured(self, payments: PaymentsUnderTest) -> None:
        key = payments.authorise_new(100)
        with expect_failure():
            payments.settle(payments.refund(key, 1))
        payments.settle(payments.capture(key, 100))
        payments.settle(payments.refund(key, 30))
        assert payments.has_captured(key, 70)

    def test_a_settlement_makes_all_moves_or_none(self, payments: PaymentsUnderTest) -> None:
        good, bad = payments.authorise_new(), payments.authorise_new()
        for moves in (
            [payments.capture(good, 100), payments.refund(bad, 1)],
            [payments.capture(bad, 101), payments.capture(good, 100)],
        ):
            with expect_failure():
                payments.settle(*moves)
            with expect_failure():
                payments.settle(payments.refund(good, 1))
        payments.settle(payments.capture(good, 60), payments.capture(bad, 40))
        assert payments.has_captured(good, 60)
        assert payments.has_captured(bad, 40)

    def test_amounts_in_another_currency_and_unknown_payments_are_not_settled(
        self, payments: PaymentsUnderTest
    ) -> None:
        key = payments.authorise_new()
        for move in (
            payments.capture(key, 1, payments.other_currency),
            payments.capture(new_key("authorise"), 1),
            payments.refund(new_key("authorise"), 1),
        ):
            with expect_failure():
                payments.settle(move)
        payments.settle(payments.capture(key, 100))
        assert payments.has_captured(key, 100)

    def test_a_declined_capture_and_a_declined_refund_are_different_errors(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_capture or not payments.refuses_refund:
            pytest.skip("the test system has no tokens for this")
        never = payments.authorise_new(token=payments.refuses_capture)
        kept = payments.authorise_new(token=payments.refuses_refund)
        with pytest.raises(PaymentDeclinedError):
            payments.settle(payments.capture(kept, 100), payments.capture(never, 100))
        payments.settle(payments.capture(kept, 100))
        with pytest.raises(RefundDeclinedError):
            payments.settle(payments.refund(kept, 100))

    def test_a_declined_refund_names_its_payment_and_moves_nothing(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_refund:
            pytest.skip("the test system has no token for this")
        older, newer = payments.authorise_new(), payments.authorise_new()
        refuses = payments.authorise_new(token=payments.refuses_refund)
        payments.settle(*(payments.capture(each, 100) for each in (older, refuses, newer)))
        refunds = {each: payments.refund(each, 60) for each in (newer, refuses, older)}
        with pytest.raises(RefundDeclinedError) as refusal:
            payments.settle(*refunds.values())
        assert refusal.value.payment == refuses
        payments.settle(refunds[newer], refunds[older])
        assert payments.has_captured(newer, 40)
        assert payments.has_captured(older, 40)

    def test_no_token_is_in_a_reference_an_error_or_a_log(
        self, payments: PaymentsUnderTest, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        assert payments.token not in payments.authorise(new_key("authorise"))
        with pytest.raises(PaymentDeclinedError) as refusal:
            payments.authorise(new_key("authorise"), token=payments.declined)
        assert not leaked_secrets(refusal.value, payments.declined)
        assert payments.token not in caplog.text
        assert payments.declined not in caplog.text


class ExternalPaymentsContract(PaymentsContract):
    """The contract of an external provider, which must itself guarantee what a step guarantees for an embedded one."""

    def test_it_declares_itself_external(self, payments: PaymentsUnderTest) -> None:
        assert payments.provider.external is True

    def test_an_authorisation_after_its_void_is_declined(self, payments: PaymentsUnderTest) -> None:
        for key in (payments.authorise_new(), new_key("authorise")):
            payments.provider.void(payments.tenant, key)
            with pytest.raises(PaymentDeclinedError):
                payments.authorise(key)
            with expect_failure():
                payments.settle(payments.capture(key, 1))

    def test_a_repeated_settlement_succeeds_and_is_made_once(self, payments: PaymentsUnderTest) -> None:
        key, settlement = payments.authorise_new(), new_key("settle")
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(payments.settle, payments.capture(key, 40), key=settlement) for _ in range(2)]
        assert [each.exception() for each in attempts] == [None, None]
        payments.settle(payments.capture(key, 40), key=settlement)
        assert payments.has_captured(key, 40)

    def test_a_refused_settlement_stays_refused_under_its_key(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_refund:
            pytest.skip("the test system has no token for this")
        good, refuses = payments.authorise_new(), payments.authorise_new(token=payments.refuses_refund)
        payments.settle(payments.capture(good, 100), payments.capture(refuses, 100))
        settlement = new_key("settle")
        with pytest.raises(RefundDeclinedError):
            payments.settle(payments.refund(good, 100), payments.refund(refuses, 100), key=settlement)
        # An attempt that arrives late must not move money once the step has gone on under another key.
        with expect_failure():
            payments.settle(payments.refund(good, 100), key=settlement)
        payments.settle(payments.refund(good, 30), key=f"{settlement}/2")
        payments.settle(payments.refund(good, 30), key=f"{settlement}/2")
        assert payments.has_captured(good, 70)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_authorisation_is_a_fault_and_a_retry_authorises_once(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        key = new_key("authorise")
        self._assert_fault(payments, trouble, lambda: payments.authorise(key))
        payments.authorise(key)
        payments.settle(payments.capture(key, 100))
        assert payments.has_captured(key, 100)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_settlement_of_unknown_outcome_is_a_fault_and_a_retry_settles_once(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        key, settlement = payments.authorise_new(), new_key("settle")
        self._assert_fault(payments, trouble, lambda: payments.settle(payments.capture(key, 40), key=settlement))
        payments.settle(payments.capture(key, 40), key=settlement)
        assert payments.has_captured(key, 40)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_void_is_a_fault_and_can_be_retried(self, payments: PaymentsUnderTest, trouble: Trouble) -> None:
        key = payments.authorise_new()
        self._assert_fault(payments, trouble, lambda: payments.provider.void(payments.tenant, key))
        payments.provider.void(payments.tenant, key)
        with pytest.raises(PaymentDeclinedError):
            payments.settle(payments.capture(key, 100))

    def _assert_fault(self, payments: PaymentsUnderTest, trouble: Trouble, call: Callable[[], object]) -> None:
        assert payments.trouble, "an external provider needs `trouble`: pass a FaultProxy"
        with payments.trouble(trouble):
            assert_fault_within(payments.call_timeout, call, payments.token)
