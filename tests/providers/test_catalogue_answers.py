"""What an external provider answers is checked before it is believed: a lie is a fault, never an answer."""

from datetime import timedelta
from typing import Any

import pytest

from domain.money import Money
from examples.providers.shop_offers import ShopOffers
from providers.bounded_calls import BoundedCalls
from providers.bounded_providers import BoundedOffers
from providers.catalogue_lookup import look_up
from providers.contracts import OffersUnderTest
from providers.embedded.offers import EmbeddedOffers
from providers.errors import ProviderUnavailableError
from tests.providers.broken_offers import LIES
from tests.support.external_systems import external_offers
from tests.telemetry.test_counters import Growth


def believed(offers: OffersUnderTest) -> OffersUnderTest:
    calls = BoundedCalls("offers", timedelta(seconds=5), 4, lambda: False)
    return OffersUnderTest(BoundedOffers(offers.provider, calls), offers.product, offers.service)


def ask(offers: OffersUnderTest, act: str) -> object:
    calls: dict[str, Any] = {
        "search": offers.search,
        "products": lambda: offers.provider.products("default", ["standard"]),
        "variants": lambda: offers.provider.variants("default", "standard"),
    }
    return calls[act]()


@pytest.mark.parametrize(("lying", "act"), LIES.items(), ids=[each.__name__ for each in LIES])
def test_an_answer_that_lies_is_a_fault(lying: type[ShopOffers], act: str) -> None:
    with external_offers(lying) as offers:
        invalid = Growth("changeover_provider_seconds_count", provider="offers", act=act, result="invalid")
        with pytest.raises(ProviderUnavailableError):
            ask(believed(offers), act)
    assert invalid.grown == 1


@pytest.mark.parametrize("act", ["search", "products", "variants"])
def test_an_answer_that_does_not_lie_is_returned_unchanged(act: str) -> None:
    with external_offers(fresh=timedelta(minutes=1)) as offers:
        answered = ask(believed(offers), act)
        if act == "search":
            assert answered
        else:
            assert answered == ask(offers, act)


class SellsAMealInFrancs(ShopOffers):
    def supplements(self, tenant: str, ids: Any) -> Any:
        found = super().supplements(tenant, ids)
        return {name: each.model_copy(update={"price": Money(100, "CHF")}) for name, each in found.items()}


def test_a_supplement_in_another_currency_than_the_product_that_sells_it_is_a_fault() -> None:
    for kind in (ShopOffers, SellsAMealInFrancs):
        with external_offers(kind) as offers:
            provider = believed(offers).provider
            if kind is ShopOffers:
                assert look_up(provider, "default", ["standard"], with_sold=True).supplements
            else:
                with pytest.raises(ProviderUnavailableError):
                    look_up(provider, "default", ["standard"], with_sold=True)


def test_the_embedded_catalogue_is_asked_directly() -> None:
    assert EmbeddedOffers.external is False
    assert BoundedOffers.external is True
