"""What an offer catalogue must keep."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from domain.offers import OfferBundle
from providers.contracts.assertions import heard_within, is_fault, told
from providers.contracts.fault_proxy import Trouble
from providers.protocols import OfferCatalogue, OfferSearch, SearchTraveller
from store.database.store import utc_now

ID_LENGTH = 64
"""What our books have room for."""


@dataclass(frozen=True)
class OffersUnderTest:
    """An offer catalogue, and something it sells."""

    provider: OfferCatalogue
    product: str
    """A product it sells to the travellers below."""
    service: str | None = None
    """A departure it sells that product on; None for a product without departures."""
    births: tuple[date, ...] = (date(1990, 5, 4), date(1985, 11, 30))
    trouble: Callable[[Trouble], AbstractContextManager[None]] | None = None
    """Make trouble while a block lasts; None for a catalogue that nothing can come between."""
    tenant: str = "default"
    time_zone: str = "Europe/Oslo"
    patience: timedelta = timedelta(seconds=5)
    """How long one call may take at most: steps that look at the shelf are given up after 6 seconds."""
    now: datetime = field(default_factory=utc_now)

    def search(self, now: datetime | None = None, **other: str | None) -> list[OfferBundle]:
        """Search for what it sells, or something else."""
        who = tuple(SearchTraveller(f"t{number}", birth) for number, birth in enumerate(self.births))
        wanted = {"product": self.product, "service": self.service} | other
        starts = None if wanted["service"] else self.now + timedelta(days=1)
        search = OfferSearch(wanted["product"], wanted["service"], starts, self.time_zone, who)
        return self.provider.search(self.tenant, search, now or self.now)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no error may tell."""
        return tuple(birth.isoformat() for birth in self.births)


class OffersContract:
    """Laws for every offer catalogue. Give them a fixture `offers` that returns an OffersUnderTest."""

    def test_a_bundle_offers_what_was_looked_for_to_everybody(self, offers: OffersUnderTest) -> None:
        (bundle,) = offers.search()
        assert (bundle.service, {each.product for each in bundle.offers}) == (offers.service, {offers.product})
        who = sorted(each.id for offer in bundle.offers for each in offer.travellers)
        assert who == sorted(f"t{number}" for number in range(len(offers.births)))
        assert [each.birth_date for offer in bundle.offers for each in offer.travellers] == list(offers.births)

    def test_a_bundle_can_be_kept_as_a_promise(self, offers: OffersUnderTest) -> None:
        found = [*offers.search(), *offers.search()]
        ids = [each.id for each in found] + [offer.id for each in found for offer in each.offers]
        assert len(set(ids)) == len(ids), "each search makes promises of its own"
        assert all(0 < len(each) <= ID_LENGTH for each in ids)
        for bundle in found:
            assert bundle.expires_at > offers.now
            assert bundle.order is None
            assert bundle.total.currency == bundle.currency
            assert bundle.total.minor >= 0

    def test_what_was_offered_is_on_the_shelf(self, offers: OffersUnderTest) -> None:
        (bundle,) = offers.search()
        product = offers.provider.products(offers.tenant, [offers.product, "no-such-product"])
        assert list(product) == [offers.product]
        assert product[offers.product].id == offers.product
        assert product[offers.product].currency == bundle.currency
        on_top = product[offers.product].supplements
        assert set(offers.provider.supplements(offers.tenant, [*on_top, "no-such-supplement"])) == set(on_top)

    def test_the_departure_offered_is_known_until_it_is_gone(self, offers: OffersUnderTest) -> None:
        if offers.service is None:
            pytest.skip("it sells no departures")
        services = offers.provider.services(offers.tenant, [offers.service, "no-such-service"])
        assert list(services) == [offers.service]
        departs = services[offers.service].departs_at
        (bundle,) = offers.search()
        assert (bundle.valid_from, bundle.first_day) == (departs, services[offers.service].day)
        assert offers.search(now=departs) == []

    def test_nothing_is_found_where_there_is_nothing(self, offers: OffersUnderTest) -> None:
        assert offers.search(product="no-such-product") == []
        assert offers.search(service="no-such-service") == []
        assert list(offers.provider.variants(offers.tenant, "no-such-parent")) == []
        assert not offers.provider.products(offers.tenant, [])


class OutsideOffersContract(OffersContract):
    """Laws for a catalogue outside our database."""

    def test_it_says_that_it_is_outside(self, offers: OffersUnderTest) -> None:
        assert offers.provider.external is True

    @pytest.mark.parametrize("trouble", Trouble)
    def test_in_trouble_it_answers_from_memory_or_breaks_but_never_says_there_is_nothing(
        self, offers: OffersUnderTest, trouble: Trouble
    ) -> None:
        assert offers.trouble, "a catalogue outside has trouble; hand a Troublemaker in"
        tenant, ids = offers.tenant, [offers.product]
        with offers.trouble(trouble):
            self._answers_or_breaks(offers, offers.search)
            self._answers_or_breaks(offers, lambda: offers.provider.products(tenant, ids))
        assert len(offers.search()) == 1

    def _answers_or_breaks(self, offers: OffersUnderTest, act: Callable[[], object]) -> None:
        found, fault = heard_within(offers.patience, act)
        assert found or fault, "it says there is nothing"
        assert fault is None or (is_fault(fault) and not told(fault, *offers.secrets))
