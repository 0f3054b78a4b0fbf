"""The contract of an external payment provider, as tests: each act once per key, whatever becomes of its answer."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from typing import TypeVar

import pytest

from providers.contracts.assertions import call_within, expect_failure, is_fault, leaked_secrets, new_key
from providers.contracts.fault_proxy import Trouble
from providers.contracts.payments import PaymentsContract
from providers.contracts.payments_under_test import Paid, PaymentsUnderTest
from providers.errors import AuthorisationEndedError, PaymentDeclinedError, RefundDeclinedError
from providers.protocols import FoundState, RefundState

T = TypeVar("T")
R = TypeVar("R")
MAX_REQUESTS = 20
"""More than an act of a provider takes."""


class ExternalPaymentsContract(PaymentsContract):
    """The contract of an external provider, which must itself guarantee what a step guarantees for an embedded one."""

    def test_it_declares_itself_external(self, payments: PaymentsUnderTest) -> None:
        assert payments.provider.external is True

    def test_an_authorisation_after_its_void_is_declined(self, payments: PaymentsUnderTest) -> None:
        used = payments.authorise_new()
        payments.void(used)
        unused = Paid(new_key("authorise"), "no reference")
        payments.provider.void(payments.tenant, unused.key, None)
        for payment in (used, unused):
            with pytest.raises(PaymentDeclinedError):
                payments.authorise(payment.key)
            with expect_failure():
                payments.capture(payment, 1)

    def test_a_repeated_capture_succeeds_and_is_made_once(self, payments: PaymentsUnderTest) -> None:
        payment, key = payments.authorise_new(), new_key("capture")
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(payments.capture, payment, 40, key) for _ in range(2)]
        assert len({each.result() for each in attempts}) == 1
        assert payments.has_captured(payments.capture(payment, 40, key), 40)

    def test_a_repeated_refund_succeeds_and_is_made_once(self, payments: PaymentsUnderTest) -> None:
        payment, key = payments.capture_new(), new_key("refund")
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(payments.refund, payment, 40, key) for _ in range(2)]
        assert {each.result() for each in attempts} == {RefundState.DONE}
        payments.refund(payment, 40, key)
        assert payments.has_captured(payment, 60)

    def test_what_is_refused_stays_refused_under_its_key(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_refund or not payments.refuses_capture:
            pytest.skip("the test system has no tokens for this")
        good, key = payments.capture_new(), new_key("refund")
        with pytest.raises(RefundDeclinedError):
            payments.refund(payments.capture_new(token=payments.refuses_refund), 100, key)
        # An attempt that arrives late must not move money once the step has gone on under another key.
        with expect_failure():
            payments.refund(good, 100, key)
        assert payments.has_captured(good, 100)
        other, key = payments.authorise_new(), new_key("capture")
        with pytest.raises(PaymentDeclinedError):
            payments.capture(payments.authorise_new(token=payments.refuses_capture), 100, key)
        with expect_failure():
            payments.capture(other, 100, key)
        assert payments.has_captured(payments.capture(other), 100)

    def test_what_was_done_under_a_key_is_found_by_it(self, payments: PaymentsUnderTest) -> None:
        authorised, captured, refunded = new_key("authorise"), new_key("capture"), new_key("refund")
        nothing = (FoundState.NOTHING, FoundState.CANNOT_SAY)
        assert all(payments.find(key).state in nothing for key in (authorised, captured, refunded))
        payment = Paid(authorised, payments.authorise(authorised).reference)
        payment = payments.capture(payment, 60, captured)
        payments.refund(payment, 40, refunded)
        found = payments.find(captured)
        assert (found.state, found.amount) == (FoundState.CAPTURED, payments.money(60))
        assert found.reference == payment.capture
        found = payments.find(refunded)
        assert (found.state, found.amount, found.refund) == (
            FoundState.REFUNDED,
            payments.money(40),
            RefundState.DONE,
        )

    def test_what_was_refused_is_not_found(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_capture:
            pytest.skip("the test system has no token for this")
        declined, key = new_key("authorise"), new_key("capture")
        with pytest.raises(PaymentDeclinedError):
            payments.authorise(declined, token=payments.declined)
        with pytest.raises(PaymentDeclinedError):
            payments.capture(payments.authorise_new(token=payments.refuses_capture), 100, key)
        for each in (declined, key):
            assert payments.find(each).state in (FoundState.NOTHING, FoundState.CANNOT_SAY)

    def test_an_authorisation_that_has_ended_is_not_captured_and_found_so(self, payments: PaymentsUnderTest) -> None:
        if payments.end_authorisation is None:
            pytest.skip("the test system cannot let an authorisation end")
        payment = payments.authorise_new()
        payments.end_authorisation(payment.key)
        with pytest.raises(AuthorisationEndedError):
            payments.capture(payment)
        assert payments.find(payment.key).state in (FoundState.VOIDED, FoundState.CANNOT_SAY)
        payments.void(payment)

    @pytest.mark.parametrize("paid", [True, False])
    def test_a_pending_refund_says_so_and_is_found_as_what_becomes_of_it(
        self, payments: PaymentsUnderTest, *, paid: bool
    ) -> None:
        if payments.end_refund is None or not payments.pending_refund:
            pytest.skip("the test system has no pending refunds")
        payment, key = payments.capture_new(token=payments.pending_refund), new_key("refund")
        for _ in range(2):
            assert payments.refund(payment, 40, key) is RefundState.PENDING
        assert payments.find(key).refund is RefundState.PENDING
        with expect_failure():
            payments.refund(payment, 61)
        payments.end_refund(key, paid)
        found = payments.find(key)
        assert (found.state, found.amount) == (FoundState.REFUNDED, payments.money(40))
        assert found.refund is (RefundState.DONE if paid else RefundState.FAILED)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_authorisation_is_a_fault_and_a_retry_authorises_once(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        for key, authorised in _broken(payments, trouble, lambda: new_key("authorise"), payments.authorise):
            assert payments.find(key).amount == payments.money(100)
            assert payments.has_captured(payments.capture(Paid(key, authorised.reference)), 100)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_of_two_captures_a_failed_one_is_a_fault_and_a_retry_captures_each_once(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        def two_payments() -> dict[str, Paid]:
            return {new_key("capture"): payments.authorise_new() for _ in range(2)}

        def capture_each(of: dict[str, Paid]) -> list[Paid]:
            return [payments.capture(payment, 40, key) for key, payment in of.items()]

        for of, captured in _broken(payments, trouble, two_payments, capture_each):
            for key, payment in zip(of, captured, strict=True):
                assert payments.find(key).amount == payments.money(40)
                assert payments.has_captured(payment, 40)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_refund_of_unknown_outcome_is_a_fault_and_a_retry_refunds_once(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        def refund(of: tuple[str, Paid]) -> RefundState:
            return payments.refund(of[1], 40, of[0])

        for of, _ in _broken(payments, trouble, lambda: (new_key("refund"), payments.capture_new()), refund):
            assert payments.find(of[0]).amount == payments.money(40)
            assert payments.has_captured(of[1], 60)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_void_is_a_fault_and_can_be_retried(self, payments: PaymentsUnderTest, trouble: Trouble) -> None:
        for payment, _ in _broken(payments, trouble, payments.authorise_new, payments.void):
            with pytest.raises(PaymentDeclinedError):
                payments.capture(payment)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_key_that_cannot_be_looked_up_is_a_fault(self, payments: PaymentsUnderTest, trouble: Trouble) -> None:
        payment = payments.authorise_new()
        assert payments.trouble, "an external provider needs `trouble`: pass a FaultProxy"
        with payments.trouble(trouble):
            result, error = call_within(payments.call_timeout, lambda: payments.find(payment.key))
        if error is None:
            assert getattr(result, "state", None) is FoundState.CANNOT_SAY
        else:
            assert is_fault(error)


def _broken(
    payments: PaymentsUnderTest, trouble: Trouble, prepare: Callable[[], T], act: Callable[[T], R]
) -> Iterator[tuple[T, R]]:
    """Break the first request of an act, then the second of another one, and so on, until it makes no more of them.

    Yield what it was done to, and its result: that of the act itself if it succeeded nevertheless, and otherwise that
    of its repetition. The last one is not broken.
    """
    assert payments.trouble, "an external provider needs `trouble`: pass a FaultProxy"
    for number in count(1):
        assert number < MAX_REQUESTS
        subject, results = prepare(), list[R]()
        with payments.trouble(trouble, number):
            _, error = call_within(payments.call_timeout, partial(_append_result, results, act, subject))
        assert error is None or is_fault(error), f"{type(error).__name__} is a refusal, but nothing was refused"
        assert not leaked_secrets(error, payments.token)
        reached = payments.trouble.requests >= number
        yield subject, results[0] if error is None else act(subject)
        if not reached:
            return


def _append_result(results: list[R], act: Callable[[T], R], subject: T) -> None:
    results.append(act(subject))
