"""Each law of a contract catches a provider, or a system behind it, that breaks it."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from examples.fake_systems.bank import Bank
from examples.fake_systems.railway import Railway
from examples.providers.bank_payments import BankPayments
from examples.providers.railway_seats import RailwaySeats
from examples.providers.shop_offers import ShopOffers
from providers.contracts import OutsideOffersContract, OutsidePaymentsContract, OutsideSeatsContract, Trouble
from tests.providers import broken_offers as offers
from tests.providers import broken_payments as payments
from tests.providers import broken_seats as seats
from tests.support.external_systems import SHORT_TIMEOUT, external_offers, external_payments, external_seats

Broken = type[Bank] | type[Railway] | type[BankPayments] | type[RailwaySeats] | type[ShopOffers]

PAYMENTS: Mapping[str, tuple[Broken, ...]] = {
    "test_money_is_set_aside_once_under_a_key": (payments.SetsAsideEachTime,),
    "test_references_fit_our_books": (payments.WordyReference,),
    "test_what_is_declined_stays_declined": (payments.DeclinesOnce,),
    "test_money_that_was_let_go_is_not_taken": (payments.ForgetsThatItLetGo,),
    "test_letting_go_twice_or_what_never_was_harms_nobody": (payments.LetsGoOfOthersToo,),
    "test_no_more_is_taken_than_was_set_aside": (payments.Generous,),
    "test_no_more_is_paid_back_than_was_taken": (payments.GenerousWithRefunds,),
    "test_all_moves_are_made_or_none": (payments.OneMoveAfterTheOther,),
    "test_amounts_of_another_currency_and_unknown_payments_are_not_settled": (payments.TakesAnyCurrency,),
    "test_a_bank_that_does_not_give_or_take_back_says_which": (payments.CallsEveryRefusalDeclined,),
    "test_no_token_is_told": (payments.TellsTheToken,),
    "test_it_says_that_it_is_outside": (payments.SaysItIsEmbedded,),
    "test_what_comes_after_its_undo_is_declined": (payments.NoTombstone,),
    "test_asked_again_under_its_key_a_settlement_is_answered_and_not_made_again": (payments.SettlesEachTime,),
    "test_an_authorisation_in_trouble_is_a_fault_and_asked_again_made_once": (payments.TakesTroubleForANo,),
    "test_a_settlement_of_unknown_outcome_is_a_fault_and_inquired_by_asking_again": (
        payments.BelievesEveryAnswer,
        payments.SettlesEachTime,
        payments.NeverGivesUp,
    ),
    "test_letting_go_in_trouble_is_a_fault_and_can_be_asked_again": (payments.LetsGoQuietly,),
}
SEATS: Mapping[str, tuple[Broken, ...]] = {
    "test_as_many_seats_as_asked_in_the_order_asked": (seats.AnswersInAnOrderOfItsOwn,),
    "test_the_same_key_gets_the_same_seats": (seats.HoldsEachTime,),
    "test_of_two_at_once_one_gets_the_last_seat": (seats.SellsTwice,),
    "test_all_seats_are_held_or_none": (seats.HoldsWhatItCan,),
    "test_a_seat_asked_for_by_name_is_that_seat_or_refused": (seats.AnySeatWillDo,),
    "test_what_it_does_not_have_is_refused": (seats.CallsEverythingSoldOut,),
    "test_references_fit_our_books": (seats.WordyReferences,),
    "test_released_seats_are_free_and_nobody_elses_are": (seats.ReleasesEverybodys,),
    "test_seats_are_given_back_by_name_as_often_as_one_likes": (seats.MissesWhatIsFree,),
    "test_a_hold_ends_by_itself": (seats.HoldsForEver,),
    "test_a_hold_outlives_what_it_is_extended_to_and_is_never_shortened": (seats.Shortens,),
    "test_a_hold_that_is_gone_is_refused_and_nothing_is_done": (seats.MindsNoGoneHold,),
    "test_confirmed_seats_are_ours_for_good_and_others_are_given_up_with_them": (seats.SellsForAWhile,),
    "test_it_says_that_it_is_outside": (seats.SaysItIsEmbedded,),
    "test_a_hold_that_comes_after_its_release_is_refused": (seats.NoTombstone,),
    "test_a_hold_in_trouble_is_a_fault_and_asked_again_held_once": (seats.TakesTroubleForSoldOut, seats.HoldsEachTime),
    "test_whatever_else_is_in_trouble_is_a_fault_and_can_be_asked_again": (
        seats.GivesBackQuietly,
        seats.RefusesWhatItSold,
    ),
}
OFFERS: Mapping[str, tuple[Broken, ...]] = {
    "test_a_bundle_offers_what_was_looked_for_to_everybody": (offers.OffersToTheFirst,),
    "test_a_bundle_can_be_kept_as_a_promise": (offers.PromisesTheSameTwice,),
    "test_what_was_offered_is_on_the_shelf": (offers.SellsWhatIsNotOnTheShelf,),
    "test_the_departure_offered_is_known_until_it_is_gone": (offers.SellsWhatHasLeft,),
    "test_nothing_is_found_where_there_is_nothing": (offers.FindsSomethingElse,),
    "test_it_says_that_it_is_outside": (offers.SaysItIsEmbedded,),
    "test_in_trouble_it_answers_from_memory_or_breaks_but_never_says_there_is_nothing": (
        offers.EmptyInTrouble,
        offers.TellsWhoTravels,
    ),
}
CONTRACTS: tuple[tuple[type, Mapping[str, tuple[Broken, ...]]], ...] = (
    (OutsidePaymentsContract, PAYMENTS),
    (OutsideSeatsContract, SEATS),
    (OutsideOffersContract, OFFERS),
)


def behind(broken: Broken) -> AbstractContextManager[Any]:
    """Put a broken provider before a sound system, or a sound provider before a broken one."""
    if issubclass(broken, Bank):
        return external_payments(broken())
    if issubclass(broken, BankPayments):
        return external_payments(kind=broken)
    if issubclass(broken, Railway):
        return external_seats(broken())
    if issubclass(broken, RailwaySeats):
        return external_seats(kind=broken)
    return external_offers(broken)


@contextmanager
def caught() -> Iterator[None]:
    """Expect that a law does not hold."""
    with pytest.raises((Exception, pytest.fail.Exception)) as heard:
        yield
    assert not isinstance(heard.value, pytest.skip.Exception)
    assert "Timeout" not in str(heard.value), "it was slow, not broken"


@pytest.mark.parametrize(("contract", "broken"), CONTRACTS)
def test_every_law_is_broken_here(contract: type, broken: Mapping[str, object]) -> None:
    assert set(broken) == {name for name, _ in inspect.getmembers(contract) if name.startswith("test_")}


@pytest.mark.parametrize(
    ("contract", "law", "broken"),
    [
        pytest.param(contract, law, broken, id=f"{contract.__name__}-{broken.__name__}-{law[5:40]}")
        for contract, laws in CONTRACTS
        for law, variants in laws.items()
        for broken in variants
    ],
)
def test_a_law_catches_who_breaks_it(
    contract: type, law: str, broken: Broken, caplog: pytest.LogCaptureFixture
) -> None:
    holds: Callable[..., None] = getattr(contract(), law)
    with behind(broken) as given:
        impatient = replace(given, patience=2 * SHORT_TIMEOUT)
        asked = inspect.signature(holds).parameters
        more = {"caplog": caplog} if "caplog" in asked else {}
        with caught():
            for trouble in Trouble if "trouble" in asked else (None,):
                holds(impatient, **more, **({"trouble": trouble} if trouble else {}))
