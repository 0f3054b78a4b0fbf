"""Stripe's book: what is listed of each payment under our keys, and that nothing of others is."""

from collections.abc import Iterator

import pytest

from domain.money import Money
from providers.contracts.assertions import expect_failure, new_key
from providers.payment_comparison import sums_by_payment
from providers.protocols import Movement, MovementKind
from store.views.payment_book import Sums
from tests.providers.stripe.merchant import EUR, TENANT, Merchant

NONE = Money(0, "EUR")
CENTS_600, CENTS_400, CENTS_100 = Money(600, "EUR"), Money(400, "EUR"), Money(100, "EUR")
MORE_THAN_A_PAGE = 101


def pages(merchant: Merchant, tenant: str = TENANT) -> Iterator[tuple[Movement, ...]]:
    after = None
    while True:
        page = merchant.provider.movements(tenant, after)
        yield page.movements
        if (after := page.next) is None:
            return


def book(merchant: Merchant, tenant: str = TENANT) -> list[Movement]:
    return [each for page in pages(merchant, tenant) for each in page]


def kinds_of(merchant: Merchant, key: str) -> list[MovementKind]:
    """Return the kinds of movements of a payment, which the book and the payment by itself must agree on."""
    listed = [each for each in book(merchant) if each.payment == key]
    assert listed == list(merchant.provider.movements_of(TENANT, key))
    return [each.kind for each in listed]


def test_the_book_goes_on_behind_a_page_of_the_shops_own_payments(merchant: Merchant) -> None:
    first, last = new_key("authorise"), new_key("authorise")
    merchant.authorise(first, merchant.save())
    for _ in range(MORE_THAN_A_PAGE):
        merchant.sdk.v1.payment_intents.create({"amount": 1000, "currency": "eur", "metadata": {"cart": "7"}})
    merchant.authorise(last, merchant.save())
    assert [[each.payment for each in page] for page in pages(merchant)] == [[last], [first]]


@pytest.mark.parametrize("other", ["north", f"{TENANT}:north"])
def test_another_tenants_payments_in_the_same_account_are_not_listed(merchant: Merchant, other: str) -> None:
    ours, theirs = new_key("authorise"), new_key("authorise")
    merchant.authorise(ours, merchant.save())
    merchant.provider.authorise(other, theirs, EUR, "card", merchant.save())
    assert [each.payment for each in book(merchant)] == [ours]
    assert [each.payment for each in book(merchant, other)] == [theirs]
    assert list(merchant.provider.movements_of(TENANT, theirs)) == []


@pytest.mark.parametrize("listed", [True, False], ids=["release-listed", "release-not-listed"])
def test_what_a_capture_of_less_releases_is_no_refund(merchant: Merchant, *, listed: bool) -> None:
    merchant.emulator.reset(released_as_refund=listed)
    key = new_key("authorise")
    reference = merchant.authorise(key, merchant.save()).reference
    charge = merchant.provider.capture(TENANT, new_key("capture"), reference, CENTS_600)
    assert sums_by_payment(book(merchant)) == {key: Sums(EUR, CENTS_600, NONE, open=False)}
    merchant.provider.refund(TENANT, new_key("refund"), charge, CENTS_400)
    assert sums_by_payment(book(merchant)) == {key: Sums(EUR, CENTS_600, CENTS_400, open=False)}


def test_a_refund_that_others_made_at_stripe_is_listed(merchant: Merchant) -> None:
    key = new_key("authorise")
    charge = merchant.provider.capture(
        TENANT, new_key("capture"), merchant.authorise(key, merchant.save()).reference, EUR
    )
    merchant.sdk.v1.refunds.create({"charge": charge, "amount": 400})
    assert sums_by_payment(book(merchant)) == {key: Sums(EUR, EUR, CENTS_400, open=False)}


@pytest.mark.parametrize(("ends", "refunded"), [(None, CENTS_400), ("succeeded", CENTS_400), ("failed", NONE)])
def test_a_pending_refund_is_listed_until_it_fails(merchant: Merchant, ends: str | None, refunded: Money) -> None:
    charge = merchant.capture_new(card="pm_card_pendingRefund")
    for amount in (CENTS_400, CENTS_100):
        merchant.provider.refund(TENANT, new_key("refund"), charge, amount)
    if ends:
        merchant.emulator.run("refund", refund=merchant.refunds()[0]["id"], status=ends)
    (sums,) = sums_by_payment(book(merchant)).values()
    # The other one stays pending.
    assert sums.refunded == refunded + CENTS_100


def test_a_declined_payment_is_none_and_a_voided_one_is_voided(merchant: Merchant) -> None:
    declined, voided, unused = (new_key("authorise") for _ in range(3))
    with expect_failure():
        merchant.authorise(declined, merchant.save("pm_card_chargeDeclined"))
    reference = merchant.authorise(voided, merchant.save()).reference
    merchant.provider.void(TENANT, declined, None)
    merchant.provider.void(TENANT, voided, reference)
    merchant.provider.void(TENANT, unused, None)
    assert kinds_of(merchant, declined) == []
    assert kinds_of(merchant, voided) == [MovementKind.AUTHORISE, MovementKind.VOID]
    assert kinds_of(merchant, unused) == [MovementKind.VOID]
    assert sums_by_payment(book(merchant)) == {voided: Sums(EUR, NONE, NONE, open=False)}


def test_a_claimed_payment_is_listed_under_our_key(merchant: Merchant) -> None:
    key = new_key("authorise")
    merchant.authorise(key, merchant.confirm())
    assert kinds_of(merchant, key) == [MovementKind.AUTHORISE]


def test_a_new_payment_is_known_to_another_process_before_the_search_knows_it(merchant: Merchant) -> None:
    merchant.emulator.reset(search_lag=3600)
    key = new_key("authorise")
    merchant.authorise(key, merchant.save())
    merchant.restart()
    assert [each.kind for each in merchant.provider.movements_of(TENANT, key)] == [MovementKind.AUTHORISE]
