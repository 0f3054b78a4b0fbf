"""The contract of an offer catalogue, as tests."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest

from domain.offers import OfferBundle
from providers.bounded_calls import BoundedCalls
from providers.bounded_providers import BoundedOffers
from providers.contracts.assertions import call_within, is_fault, leaked_secrets
from providers.contracts.fault_proxy import Trouble
from providers.protocols import OfferCatalogue, OfferSearch, SearchTraveller
from store.database.store import utc_now

ID_LENGTH = 64
"""The longest id of a bundle or an offer that our database stores, in characters."""


@dataclass(frozen=True)
class OffersUnderTest:
    """An offer catalogue, and a product that it sells."""

    provider: OfferCatalogue
    product: str
    """A product that the catalogue sells to the travellers below."""
    service: str | None = None
    """A departure that the catalogue sells this product on; None for a product without departures."""
    birth_dates: tuple[date, ...] = (date(1990, 5, 4), date(1985, 11, 30))
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Injects a fault while a block lasts; None for a catalogue without an external system."""
    tenant: str = "default"
    time_zone: str = "Europe/Oslo"
    call_timeout: timedelta = timedelta(seconds=5)
    """The longest that one call may take: a step that reads the catalogue times out after 6 seconds."""
    now: datetime = field(default_factory=utc_now)

    def search(self, now: datetime | None = None, **other: str | None) -> list[OfferBundle]:
        """Search for the product and service above, or for others."""
        travellers = tuple(SearchTraveller(f"t{number}", birth) for number, birth in enumerate(self.birth_dates))
        query = {"product": self.product, "service": self.service} | other
        starts = None if query["service"] else self.now + timedelta(days=1)
        search = OfferSearch(query["product"], query["service"], starts, self.time_zone, travellers)
        return self.provider.search(self.tenant, search, now or self.now)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Personal data that no error may contain."""
        return tuple(birth.isoformat() for birth in self.birth_dates)


class OffersContract:
    """The contract of every offer catalogue. Give it a fixture `offers` that returns an OffersUnderTest."""

    def test_a_bundle_offers_the_product_searched_for_to_every_traveller(self, offers: OffersUnderTest) -> None:
        (bundle,) = offers.search()
        assert (bundle.service, {each.product for each in bundle.offers}) == (offers.service, {offers.product})
        travellers = sorted(each.id for offer in bundle.offers for each in offer.travellers)
        assert travellers == sorted(f"t{number}" for number in range(len(offers.birth_dates)))
        assert [each.birth_date for offer in bundle.offers for each in offer.travellers] == list(offers.birth_dates)

    def test_every_search_returns_new_ids_with_an_expiry_and_a_total(self, offers: OffersUnderTest) -> None:
        bundles = [*offers.search(), *offers.search()]
        ids = [each.id for each in bundles] + [offer.id for each in bundles for offer in each.offers]
        assert len(set(ids)) == len(ids), "two searches return the same id"
        assert all(0 < len(each) <= ID_LENGTH for each in ids)
        for bundle in bundles:
            assert bundle.expires_at > offers.now
            assert bundle.order is None
            assert bundle.total.currency == bundle.currency
            assert bundle.total.minor >= 0

    def test_an_offered_product_and_its_supplements_are_in_the_catalogue(self, offers: OffersUnderTest) -> None:
        (bundle,) = offers.search()
        products = offers.provider.products(offers.tenant, [offers.product, "no-such-product"])
        assert list(products) == [offers.product]
        assert products[offers.product].id == offers.product
        assert products[offers.product].currency == bundle.currency
        supplements = products[offers.product].supplements
        known = offers.provider.supplements(offers.tenant, [*supplements, "no-such-supplement"])
        assert set(known) == set(supplements)

    def test_an_offer_promises_the_rate_and_the_terms_of_its_product(self, offers: OffersUnderTest) -> None:
        (bundle,) = offers.search()
        product = offers.provider.products(offers.tenant, [offers.product])[offers.product]
        for offer in bundle.offers:
            assert (offer.tax_rate, offer.terms) == (product.tax_rate, product.sale_terms)
            ends = None if bundle.service else product.valid_until(bundle.valid_from, offers.time_zone)
            assert offer.valid_until == ends
            assert (offer.last_day is None) == (ends is None)

    def test_a_departure_is_offered_until_it_leaves(self, offers: OffersUnderTest) -> None:
        if offers.service is None:
            pytest.skip("the product has no departures")
        services = offers.provider.services(offers.tenant, [offers.service, "no-such-service"])
        assert list(services) == [offers.service]
        departs = services[offers.service].departs_at
        (bundle,) = offers.search()
        assert (bundle.valid_from, bundle.first_day) == (departs, services[offers.service].day)
        assert offers.search(now=departs) == []

    def test_unknown_products_and_services_return_nothing(self, offers: OffersUnderTest) -> None:
        assert offers.search(product="no-such-product") == []
        assert offers.search(service="no-such-service") == []
        assert list(offers.provider.variants(offers.tenant, "no-such-parent")) == []
        assert not offers.provider.products(offers.tenant, [])

    def test_every_answer_is_one_that_changeover_believes(self, offers: OffersUnderTest) -> None:
        """What is none is answered 503 PROVIDER_UNAVAILABLE, and a step that reads it is tried again."""
        believed = BoundedOffers(offers.provider, BoundedCalls("offers", offers.call_timeout, 1, lambda: False))
        offered = replace(offers, provider=believed)
        (bundle,) = offered.search()
        offered.search(product=None)
        product = believed.products(offers.tenant, [offers.product])[offers.product]
        believed.supplements(offers.tenant, product.supplements)
        believed.services(offers.tenant, [bundle.service] if bundle.service else [])
        believed.variants(offers.tenant, product.parent or product.id)


class ExternalOffersContract(OffersContract):
    """The contract of an external catalogue, which is outside our database."""

    def test_it_declares_itself_external(self, offers: OffersUnderTest) -> None:
        assert offers.provider.external is True

    @pytest.mark.parametrize("trouble", Trouble)
    def test_during_an_outage_it_answers_from_its_cache_or_fails_but_never_returns_nothing(
        self, offers: OffersUnderTest, trouble: Trouble
    ) -> None:
        assert offers.trouble, "an external catalogue needs `trouble`: pass a FaultProxy"
        tenant, ids = offers.tenant, [offers.product]
        with offers.trouble(trouble):
            self._assert_answer_or_fault(offers, offers.search)
            self._assert_answer_or_fault(offers, lambda: offers.provider.products(tenant, ids))
        assert len(offers.search()) == 1

    def _assert_answer_or_fault(self, offers: OffersUnderTest, call: Callable[[], object]) -> None:
        result, error = call_within(offers.call_timeout, call)
        assert result or error, "it returns nothing, as if nothing were sold"
        assert error is None or (is_fault(error) and not leaked_secrets(error, *offers.secrets))
