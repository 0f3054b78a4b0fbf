"""What a payment provider must keep."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from domain.money import Money
from domain.settlement import Move, MoveKind
from providers.contracts.assertions import REFERENCE_LENGTH, a_fault_within, new_key, not_done, told
from providers.contracts.fault_proxy import Trouble
from providers.errors import PaymentDeclinedError, RefundDeclinedError
from providers.protocols import PaymentProvider


@dataclass(frozen=True)
class PaymentsUnderTest:
    """A payment provider, and the tokens its test system knows."""

    provider: PaymentProvider
    token: str
    declined: str
    """A token it sets nothing aside for."""
    refuses_capture: str = ""
    """A token whose money is set aside but not given; empty if the test system has none."""
    refuses_refund: str = ""
    """A token whose money cannot go back; empty likewise."""
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Make trouble while a block lasts; None for a provider that nothing can come between."""
    tenant: str = "default"
    method: str = "card"
    currency: str = "NOK"
    other_currency: str = "CHF"
    patience: timedelta = timedelta(seconds=15)
    """How long one call may take at most: an attempt at a step is given up after 20 seconds."""

    def authorise(self, key: str, minor: int = 100, token: str | None = None) -> str:
        """Set money aside."""
        amount = Money(minor, self.currency)
        return self.provider.authorise(self.tenant, key, amount, self.method, token or self.token)

    def aside(self, minor: int = 100, token: str | None = None) -> str:
        """Set money aside under a new key, and return the key."""
        key = new_key("authorise")
        self.authorise(key, minor, token)
        return key

    def settle(self, *moves: Move, key: str | None = None) -> None:
        """Make moves, under a key of their own unless one is given."""
        self.provider.settle(self.tenant, key or new_key("settle"), moves)

    def capture(self, payment: str, minor: int, currency: str | None = None) -> Move:
        """Return the move that takes money."""
        return Move(kind=MoveKind.CAPTURE, payment=payment, amount=Money(minor, currency or self.currency))

    def refund(self, payment: str, minor: int) -> Move:
        """Return the move that pays money back."""
        return Move(kind=MoveKind.REFUND, payment=payment, amount=Money(minor, self.currency))

    def let_go(self, payment: str, minor: int = 100) -> Move:
        """Return the move that lets money go."""
        return Move(kind=MoveKind.VOID, payment=payment, amount=Money(minor, self.currency))

    def took(self, payment: str, minor: int) -> bool:
        """Whether exactly this much was taken and not paid back: it can be paid back, and no more."""
        with not_done():
            self.settle(self.refund(payment, minor + 1))
        self.settle(self.refund(payment, minor))
        with not_done():
            self.settle(self.refund(payment, 1))
        return True


class PaymentsContract:
    """Laws for every payment provider. Give them a fixture `payments` that returns a PaymentsUnderTest."""

    def test_money_is_set_aside_once_under_a_key(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        assert payments.authorise(key) == payments.authorise(key)
        with not_done():
            payments.settle(payments.capture(key, 101))
        payments.settle(payments.capture(key, 100))
        assert payments.took(key, 100)

    def test_references_fit_our_books(self, payments: PaymentsUnderTest) -> None:
        assert 0 < len(payments.authorise(new_key("authorise"))) <= REFERENCE_LENGTH

    def test_what_is_declined_stays_declined(self, payments: PaymentsUnderTest) -> None:
        key = new_key("authorise")
        for _ in range(2):
            with pytest.raises(PaymentDeclinedError):
                payments.authorise(key, token=payments.declined)
        with not_done():
            payments.settle(payments.capture(key, 1))

    def test_money_that_was_let_go_is_not_taken(self, payments: PaymentsUnderTest) -> None:
        undone, settled = payments.aside(), payments.aside()
        payments.provider.void(payments.tenant, undone)
        payments.settle(payments.let_go(settled))
        for key in (undone, settled):
            with pytest.raises(PaymentDeclinedError):
                payments.settle(payments.capture(key, 1))

    def test_letting_go_twice_or_what_never_was_harms_nobody(self, payments: PaymentsUnderTest) -> None:
        key, other = payments.aside(), payments.aside()
        for void in (key, key, new_key("authorise")):
            payments.provider.void(payments.tenant, void)
        payments.settle(payments.capture(other, 100))
        assert payments.took(other, 100)

    def test_no_more_is_taken_than_was_set_aside(self, payments: PaymentsUnderTest) -> None:
        key = payments.aside(100)
        with not_done():
            payments.settle(payments.capture(key, 101))
        payments.settle(payments.capture(key, 40))
        assert payments.took(key, 40)

    def test_no_more_is_paid_back_than_was_taken(self, payments: PaymentsUnderTest) -> None:
        key = payments.aside(100)
        with not_done():
            payments.settle(payments.refund(key, 1))
        payments.settle(payments.capture(key, 100))
        payments.settle(payments.refund(key, 30))
        assert payments.took(key, 70)

    def test_all_moves_are_made_or_none(self, payments: PaymentsUnderTest) -> None:
        good, bad = payments.aside(), payments.aside()
        for moves in (
            [payments.capture(good, 100), payments.refund(bad, 1)],
            [payments.capture(bad, 101), payments.capture(good, 100)],
        ):
            with not_done():
                payments.settle(*moves)
            with not_done():
                payments.settle(payments.refund(good, 1))
        payments.settle(payments.capture(good, 60), payments.capture(bad, 40))
        assert payments.took(good, 60)
        assert payments.took(bad, 40)

    def test_amounts_of_another_currency_and_unknown_payments_are_not_settled(
        self, payments: PaymentsUnderTest
    ) -> None:
        key = payments.aside()
        for move in (
            payments.capture(key, 1, payments.other_currency),
            payments.capture(new_key("authorise"), 1),
            payments.refund(new_key("authorise"), 1),
        ):
            with not_done():
                payments.settle(move)
        payments.settle(payments.capture(key, 100))
        assert payments.took(key, 100)

    def test_a_bank_that_does_not_give_or_take_back_says_which(self, payments: PaymentsUnderTest) -> None:
        if not payments.refuses_capture or not payments.refuses_refund:
            pytest.skip("its test system has no tokens for this")
        never, kept = payments.aside(token=payments.refuses_capture), payments.aside(token=payments.refuses_refund)
        with pytest.raises(PaymentDeclinedError):
            payments.settle(payments.capture(kept, 100), payments.capture(never, 100))
        payments.settle(payments.capture(kept, 100))
        with pytest.raises(RefundDeclinedError):
            payments.settle(payments.refund(kept, 100))

    def test_no_token_is_told(self, payments: PaymentsUnderTest, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        assert payments.token not in payments.authorise(new_key("authorise"))
        with pytest.raises(PaymentDeclinedError) as heard:
            payments.authorise(new_key("authorise"), token=payments.declined)
        assert not told(heard.value, payments.declined)
        assert payments.token not in caplog.text
        assert payments.declined not in caplog.text


class OutsidePaymentsContract(PaymentsContract):
    """Laws for a provider outside our database: it keeps by itself what an embedded one leaves to the step."""

    def test_it_says_that_it_is_outside(self, payments: PaymentsUnderTest) -> None:
        assert payments.provider.external is True

    def test_what_comes_after_its_undo_is_declined(self, payments: PaymentsUnderTest) -> None:
        for key in (payments.aside(), new_key("authorise")):
            payments.provider.void(payments.tenant, key)
            with pytest.raises(PaymentDeclinedError):
                payments.authorise(key)
            with not_done():
                payments.settle(payments.capture(key, 1))

    def test_asked_again_under_its_key_a_settlement_is_answered_and_not_made_again(
        self, payments: PaymentsUnderTest
    ) -> None:
        key, settlement = payments.aside(), new_key("settle")
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(payments.settle, payments.capture(key, 40), key=settlement) for _ in range(2)]
        assert [each.exception() for each in asked] == [None, None]
        payments.settle(payments.capture(key, 40), key=settlement)
        assert payments.took(key, 40)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_an_authorisation_in_trouble_is_a_fault_and_asked_again_made_once(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        key = new_key("authorise")
        self._in(payments, trouble, lambda: payments.authorise(key))
        payments.authorise(key)
        payments.settle(payments.capture(key, 100))
        assert payments.took(key, 100)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_settlement_of_unknown_outcome_is_a_fault_and_inquired_by_asking_again(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        key, settlement = payments.aside(), new_key("settle")
        self._in(payments, trouble, lambda: payments.settle(payments.capture(key, 40), key=settlement))
        payments.settle(payments.capture(key, 40), key=settlement)
        assert payments.took(key, 40)

    @pytest.mark.parametrize("trouble", Trouble)
    def test_letting_go_in_trouble_is_a_fault_and_can_be_asked_again(
        self, payments: PaymentsUnderTest, trouble: Trouble
    ) -> None:
        key = payments.aside()
        self._in(payments, trouble, lambda: payments.provider.void(payments.tenant, key))
        payments.provider.void(payments.tenant, key)
        with pytest.raises(PaymentDeclinedError):
            payments.settle(payments.capture(key, 100))

    def _in(self, payments: PaymentsUnderTest, trouble: Trouble, act: Callable[[], object]) -> None:
        assert payments.trouble, "a provider outside has trouble; hand a Troublemaker in"
        with payments.trouble(trouble):
            a_fault_within(payments.patience, act, payments.token)
