"""Each test of a contract catches a provider, or a system behind it, that violates it."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from examples.fake_systems.bank import Bank
from examples.fake_systems.railway import Railway
from examples.providers.bank_payments import BankPayments
from examples.providers.railway_inventory import RailwayInventory
from examples.providers.shop_offers import ShopOffers
from providers.contracts import (
    ExternalInventoryContract,
    ExternalOffersContract,
    ExternalPaymentsContract,
    FalseAnswer,
    HoldsBookContract,
    MovementsContract,
    Trouble,
)
from providers.contracts.inventory_under_test import KINDS
from tests.providers import broken_inventories as inventories
from tests.providers import broken_offers as offers
from tests.providers import broken_payments as payments
from tests.support.external_systems import SHORT_TIMEOUT, external_inventory, external_offers, external_payments

Broken = type[Bank] | type[Railway] | type[BankPayments] | type[RailwayInventory] | type[ShopOffers]

PAYMENTS: Mapping[str, tuple[Broken, ...]] = {
    "test_the_same_key_authorises_once": (payments.AuthorisesEachTime,),
    "test_references_fit_our_database": (payments.LongReference, payments.LongCaptureReference),
    "test_an_authorisation_that_ends_by_itself_says_when": (payments.EndsLaterEachTime, payments.HasEndedAlready),
    "test_a_declined_authorisation_stays_declined": (payments.DeclinesOnce,),
    "test_an_authorisation_that_needs_its_payer_names_what_the_shop_continues_with": (
        payments.CallsActionRequiredDeclined,
        payments.NamesTheTokenToContinueWith,
        payments.AuthorisesBeforeItsPayerActs,
    ),
    "test_a_voided_authorisation_is_never_captured": (payments.ForgetsVoids,),
    "test_voiding_twice_or_under_an_unused_key_changes_no_other_payment": (payments.VoidsOthersToo,),
    "test_no_more_is_captured_than_was_authorised": (payments.CapturesTooMuch,),
    "test_no_more_is_refunded_than_was_captured": (payments.RefundsTooMuch,),
    "test_amounts_in_another_currency_and_unknown_payments_are_not_moved": (payments.TakesAnyCurrency,),
    "test_a_declined_capture_and_a_declined_refund_are_different_errors": (payments.CallsEveryRefusalDeclined,),
    "test_a_declined_refund_moves_nothing_of_another_payment": (payments.RefundsTheNextAfterADecline,),
    "test_an_authorisation_is_found_as_what_has_become_of_it": (payments.FindsEverythingAuthorised,),
    "test_what_is_refused_stays_refused_under_its_key": (payments.ForgetsRefusals,),
    "test_no_token_is_in_a_reference_an_error_or_a_log": (payments.LeaksTheToken,),
    "test_it_declares_itself_external": (payments.ClaimsToBeEmbedded,),
    "test_an_authorisation_after_its_void_is_declined": (payments.NoTombstone,),
    "test_a_repeated_capture_succeeds_and_is_made_once": (payments.CapturesEachTime,),
    "test_a_repeated_refund_succeeds_and_is_made_once": (payments.RefundsEachTime,),
    "test_what_was_done_under_a_key_is_found_by_it": (payments.FindsByPaymentOnly,),
    "test_what_was_refused_is_not_found": (payments.FindsWhatItRefused,),
    "test_an_authorisation_that_has_ended_is_not_captured_and_found_so": (
        payments.CallsTheEndOfAnAuthorisationDeclined,
    ),
    "test_a_pending_refund_says_so_and_is_found_as_what_becomes_of_it": (payments.CallsPendingDone,),
    "test_a_failed_authorisation_is_a_fault_and_a_retry_authorises_once": (payments.RefusesWhenUnavailable,),
    "test_of_two_captures_a_failed_one_is_a_fault_and_a_retry_captures_each_once": (
        payments.CapturesOneOfTwo,
        payments.TrustsEveryResponse,
        payments.CapturesEachTime,
        payments.NeverTimesOut,
    ),
    "test_a_refund_of_unknown_outcome_is_a_fault_and_a_retry_refunds_once": (
        payments.RefundsWhatItWasNotAnswered,
        payments.RefundsEachTime,
    ),
    "test_a_failed_void_is_a_fault_and_can_be_retried": (payments.IgnoresFailedVoids,),
    "test_a_key_that_cannot_be_looked_up_is_a_fault": (payments.FindsNothingWhenUnavailable,),
}
MOVEMENTS: Mapping[str, tuple[Broken, ...]] = {
    "test_every_movement_is_listed_once_and_those_of_a_payment_in_their_order": (
        payments.ListsTheNewestFirst,
        payments.ListsEveryAttempt,
    ),
    "test_what_was_refused_is_no_movement": (payments.ListsWhatWasDeclined,),
    "test_an_authorisation_that_has_ended_by_itself_is_listed_as_voided": (payments.ListsNoEnds,),
    "test_the_movements_of_one_payment_are_those_that_the_book_lists": (payments.ListsOthersToo,),
    "test_a_book_that_cannot_be_read_is_a_fault": (payments.EmptyWhenUnavailable,),
}
INVENTORIES: Mapping[str, tuple[Broken, ...]] = {
    "test_requested_seats_are_held_in_the_order_of_the_requests": (inventories.ReordersSeats,),
    "test_requested_units_are_held_with_seats_in_the_order_of_the_requests": (inventories.ReordersUnits,),
    "test_the_same_key_gets_the_same_again": (inventories.HoldsEachTime,),
    "test_of_two_concurrent_holds_one_gets_the_last": (inventories.SellsTwice, inventories.SellsUnitsTwice),
    "test_everything_is_held_or_nothing": (inventories.HoldsPartially, inventories.HoldsSeatsWithoutTheirUnits),
    "test_a_refusal_for_stock_names_the_item_and_its_place": (inventories.DoesNotSayWhatIsSoldOut,),
    "test_a_seat_requested_by_name_is_that_seat_or_refused": (inventories.IgnoresSeatNames,),
    "test_unknown_seats_and_services_are_refused": (inventories.CallsEverythingSoldOut,),
    "test_references_fit_our_database": (inventories.LongReferences,),
    "test_releasing_a_key_frees_what_it_holds_and_no_more": (inventories.ReleasesAllKeys,),
    "test_holds_are_released_by_reference_any_number_of_times": (inventories.RefusesFreeSeats,),
    "test_a_hold_expires": (inventories.NeverExpires,),
    "test_a_hold_lasts_until_the_time_that_is_answered": (
        inventories.EndsBeforeItSays,
        inventories.HoldsLongerThanItSays,
        inventories.AnswersAnEarlierTime,
    ),
    "test_a_hold_lasts_until_its_extension_and_is_never_shortened": (inventories.Shortens,),
    "test_a_call_with_a_released_hold_is_refused_and_changes_nothing": (inventories.IgnoresReleasedHolds,),
    "test_what_is_confirmed_is_sold_permanently_and_what_is_given_up_is_freed_with_it": (inventories.ForgetsSoldSeats,),
    "test_it_says_how_many_are_free_and_counts_own_holds_as_free": (
        inventories.CountsHeldAsFree,
        inventories.ForgetsOwnHolds,
    ),
    "test_it_does_not_say_what_is_free_on_an_unknown_service": (inventories.TakesUnknownForSoldOut,),
    "test_an_answer_is_what_was_requested_and_no_seat_is_answered_to_two_keys": (
        inventories.AnswersAnotherService,
        inventories.AnswersNoSeats,
        inventories.AnswersNegativeSeats,
        inventories.AnswersSeatsOfOthers,
        inventories.AnswersFewerSeats,
        inventories.AnswersASeatTwice,
        inventories.AnswersSeatsAsText,
        inventories.IgnoresSeatNames,
    ),
    "test_what_a_key_holds_is_found_until_it_is_given_back": (
        inventories.FindsNothing,
        inventories.FindsTheWrongWayRound,
        inventories.FindsWhatWasReleased,
    ),
    "test_what_a_key_has_sold_is_found_as_sold": (inventories.FindsSoldAsHeld,),
    "test_a_hold_that_ended_in_mid_draft_is_gone_once_another_has_its_place": (
        inventories.GivesThePlacesOfOthersAgain,
        inventories.IgnoresReleasedHolds,
    ),
    "test_a_false_answer_is_a_fault_and_the_call_can_be_retried": (inventories.TrustsEveryStatus,),
    "test_an_act_that_fails_at_any_of_its_requests_is_completed_when_it_is_repeated": (
        inventories.CallsAHalfSaleASale,
        inventories.HoldsEachTime,
    ),
    "test_it_declares_itself_external": (inventories.ClaimsToBeEmbedded,),
    "test_an_extension_that_costs_money_is_refused_and_extends_nothing": (
        inventories.PaysAnyPrice,
        inventories.CallsAPriceAnOutage,
        inventories.ExtendsAndThenNamesThePrice,
    ),
    "test_a_sale_that_is_only_accepted_is_pending_until_it_is_done": (
        inventories.CallsAcceptedDone,
        inventories.CallsEverythingPending,
        inventories.LetsGoOfWhatItIsSelling,
    ),
    "test_a_release_that_is_only_accepted_is_pending_and_frees_nothing_until_it_is_done": (
        inventories.CallsAcceptedDone,
        inventories.CallsEverythingPending,
        inventories.MayHoldWhileItReleases,
    ),
    "test_a_hold_after_its_release_is_refused": (inventories.NoTombstone,),
    "test_a_failed_hold_is_a_fault_and_a_retry_holds_once": (
        inventories.SoldOutWhenUnavailable,
        inventories.HoldsEachTime,
    ),
    "test_any_other_failed_call_is_a_fault_and_can_be_retried": (
        inventories.IgnoresFailedReleases,
        inventories.RefusesRepeatedSales,
        inventories.SoldOutWhenItDoesNotAnswer,
    ),
}
HOLDS_BOOK: Mapping[str, tuple[Broken, ...]] = {
    "test_all_that_is_held_or_sold_is_listed_once_under_its_key": (
        inventories.ListsTheFirstPageOnly,
        inventories.ListsSoldAsHeld,
    ),
    "test_what_is_given_back_or_has_ended_is_not_listed": (inventories.ListsWhatHasEnded,),
    "test_a_book_that_cannot_be_read_is_a_fault": (inventories.ListsNothingWhenUnavailable,),
}
OFFERS: Mapping[str, tuple[Broken, ...]] = {
    "test_a_bundle_offers_the_product_searched_for_to_every_traveller": (offers.PricesOneTraveller,),
    "test_every_search_returns_new_ids_with_an_expiry_and_a_total": (offers.ReusesBundleIds,),
    "test_an_offered_product_and_its_supplements_are_in_the_catalogue": (offers.HidesProducts,),
    "test_an_offer_promises_the_rate_and_the_terms_of_its_product": (offers.ForgetsTerms,),
    "test_a_departure_is_offered_until_it_leaves": (offers.SellsDepartedServices,),
    "test_unknown_products_and_services_return_nothing": (offers.ReturnsOtherProducts,),
    "test_every_answer_is_one_that_changeover_believes": tuple(offers.LIES),
    "test_it_declares_itself_external": (offers.ClaimsToBeEmbedded,),
    "test_during_an_outage_it_answers_from_its_cache_or_fails_but_never_returns_nothing": (
        offers.EmptyWhenUnavailable,
        offers.LeaksBirthDates,
    ),
}
CONTRACTS: tuple[tuple[type, Mapping[str, tuple[Broken, ...]]], ...] = (
    (ExternalPaymentsContract, PAYMENTS),
    (MovementsContract, MOVEMENTS),
    (ExternalInventoryContract, INVENTORIES),
    (HoldsBookContract, HOLDS_BOOK),
    (ExternalOffersContract, OFFERS),
)


def set_up(broken: Broken) -> AbstractContextManager[Any]:
    """Connect a broken provider to a sound system, or a sound provider to a broken system."""
    if issubclass(broken, Bank):
        return external_payments(broken())
    if issubclass(broken, BankPayments):
        return external_payments(kind=broken)
    if issubclass(broken, Railway):
        return external_inventory(broken())
    if issubclass(broken, RailwayInventory):
        return external_inventory(kind=broken)
    return external_offers(broken)


@contextmanager
def expect_violation() -> Iterator[None]:
    """Expect that a test of a contract fails."""
    with pytest.raises((Exception, pytest.fail.Exception)) as failure:
        yield
    assert not isinstance(failure.value, pytest.skip.Exception)
    assert "Timeout" not in str(failure.value), "it was slow, not broken"


@pytest.mark.parametrize(("contract", "broken"), CONTRACTS)
def test_every_test_of_a_contract_has_a_provider_that_violates_it(contract: type, broken: Mapping[str, object]) -> None:
    assert set(broken) == {name for name, _ in inspect.getmembers(contract) if name.startswith("test_")}


@pytest.mark.parametrize(
    ("contract", "test", "broken"),
    [
        pytest.param(contract, test, broken, id=f"{contract.__name__}-{broken.__name__}-{test[5:40]}")
        for contract, violations in CONTRACTS
        for test, variants in violations.items()
        for broken in variants
    ],
)
def test_a_contract_catches_a_provider_that_violates_it(
    contract: type, test: str, broken: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    check: Callable[..., None] = getattr(contract(), test)
    with set_up(broken) as under_test:
        impatient = replace(under_test, call_timeout=2 * SHORT_TIMEOUT)
        parameters = inspect.signature(check).parameters
        more = {"caplog": caplog} if "caplog" in parameters else {}
        values: dict[str, Iterable[Any]] = {"trouble": Trouble, "answer": FalseAnswer, "kind": KINDS}
        varied = [name for name in values if name in parameters]
        with expect_violation():
            for chosen in product(*(values[name] for name in varied)):
                check(impatient, **more, **dict(zip(varied, chosen, strict=True)))
