"""The contract of a payment provider that lists its book, as tests: beside the one of every payment provider."""

from collections.abc import Iterator

import pytest

from providers.contracts.assertions import assert_fault_within, expect_failure, new_key
from providers.contracts.fault_proxy import Trouble
from providers.contracts.payments_under_test import Paid, PaymentsUnderTest
from providers.protocols import ListsMovements, Movement, MovementKind


class MovementsContract:
    """The contract of a provider that lists its book. Give it a fixture `payments` that returns a PaymentsUnderTest."""

    def test_every_movement_is_listed_once_and_those_of_a_payment_in_their_order(
        self, payments: PaymentsUnderTest
    ) -> None:
        first, second, key = new_key("authorise"), new_key("authorise"), new_key("capture")
        for _ in range(2):
            captured = payments.capture(Paid(first, payments.authorise(first).reference), 40, key)
        payments.authorise(second, 30)
        payments.refund(captured, 10)
        for _ in range(2):
            payments.provider.void(payments.tenant, second, None)
        listed = [each for each in _book(payments) if each.payment in (first, second)]
        of_first, of_second = ([each for each in listed if each.payment == payment] for payment in (first, second))
        assert [(each.kind, each.amount) for each in of_first] == [
            (MovementKind.AUTHORISE, payments.money(100)),
            (MovementKind.CAPTURE, payments.money(40)),
            (MovementKind.REFUND, payments.money(10)),
        ]
        assert [each.kind for each in of_second] == [MovementKind.AUTHORISE, MovementKind.VOID]
        assert of_second[0].amount == payments.money(30)

    def test_what_was_refused_is_no_movement(self, payments: PaymentsUnderTest) -> None:
        declined, payment = new_key("authorise"), payments.authorise_new(100)
        with expect_failure():
            payments.authorise(declined, token=payments.declined)
        with expect_failure():
            payments.capture(payment, 101)
        assert _kinds(payments, payment.key) == [MovementKind.AUTHORISE]
        assert not {MovementKind.AUTHORISE, MovementKind.CAPTURE} & set(_kinds(payments, declined))

    def test_an_authorisation_that_has_ended_by_itself_is_listed_as_voided(self, payments: PaymentsUnderTest) -> None:
        if payments.end_authorisation is None:
            pytest.skip("the test system cannot let an authorisation end")
        payment = payments.authorise_new(100)
        payments.end_authorisation(payment.key)
        of_one = [each.kind for each in _listing(payments).movements_of(payments.tenant, payment.key)]
        assert _kinds(payments, payment.key) == of_one == [MovementKind.AUTHORISE, MovementKind.VOID]

    def test_the_movements_of_one_payment_are_those_that_the_book_lists(self, payments: PaymentsUnderTest) -> None:
        payment, _ = payments.capture_new(100), payments.capture_new(60)
        assert not _listing(payments).movements_of(payments.tenant, new_key("authorise"))
        of_one = list(_listing(payments).movements_of(payments.tenant, payment.key))
        assert of_one == [each for each in _book(payments) if each.payment == payment.key]

    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_book_that_cannot_be_read_is_a_fault(self, payments: PaymentsUnderTest, trouble: Trouble) -> None:
        assert payments.trouble, "an external provider needs `trouble`: pass a FaultProxy"
        key = payments.authorise_new(100).key
        for call in (
            lambda: _listing(payments).movements(payments.tenant, None),
            lambda: _listing(payments).movements_of(payments.tenant, key),
        ):
            with payments.trouble(trouble):
                assert_fault_within(payments.call_timeout, call, payments.token)


def _listing(payments: PaymentsUnderTest) -> ListsMovements:
    assert isinstance(payments.provider, ListsMovements)
    return payments.provider


def _book(payments: PaymentsUnderTest) -> Iterator[Movement]:
    """Yield every movement of the book, page by page."""
    after = None
    while True:
        page = _listing(payments).movements(payments.tenant, after)
        yield from page.movements
        if page.next is None:
            return
        after = page.next


def _kinds(payments: PaymentsUnderTest, key: str) -> list[MovementKind]:
    return [each.kind for each in _book(payments) if each.payment == key]
