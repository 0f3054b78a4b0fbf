"""Offer catalogues that each violate the contract in one way, named after the violation."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from domain.offers import Offer, OfferBundle
from domain.products import Product
from domain.terms import Terms
from examples.providers.shop_offers import ShopOffers
from providers.errors import ProviderUnavailableError
from providers.protocols import OfferSearch


class PricesOneTraveller(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        only_first = OfferSearch(
            search.product, search.service, search.valid_from, search.time_zone, search.travellers[:1]
        )
        return super().search(tenant, only_first, now)


class ReusesBundleIds(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        return [each.model_copy(update={"id": f"bundle-{number}"}) for number, each in enumerate(found)]


class HidesProducts(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        return {}


class ForgetsTerms(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        return [each.model_copy(update={"offers": tuple(map(self._without_fee, each.offers))}) for each in found]

    def _without_fee(self, offer: Offer) -> Offer:
        fee = offer.terms.change_fee
        return offer.model_copy(update={"terms": Terms(change_fee=fee - fee)})


class SellsDepartedServices(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return super().search(tenant, search, now - timedelta(minutes=1))


class ReturnsOtherProducts(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        other = OfferSearch("nova_zurichcard24", None, now, search.time_zone, search.travellers)
        return found or super().search(tenant, other, now)


class ClaimsToBeEmbedded(ShopOffers):
    external = False


class EmptyWhenUnavailable(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        try:
            return super().search(tenant, search, now)
        except ProviderUnavailableError:
            return []


class LeaksBirthDates(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        try:
            return super().search(tenant, search, now)
        except ProviderUnavailableError as error:
            raise ProviderUnavailableError(f"nothing for {search.travellers[0].birth_date}") from error
