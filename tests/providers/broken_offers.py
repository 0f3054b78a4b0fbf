"""Adapters to a shop that each break a law; named after the law that catches them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from domain.offers import OfferBundle
from domain.products import Product
from examples.providers.shop_offers import ShopOffers
from providers.errors import ProviderUnavailableError
from providers.protocols import OfferSearch


class OffersToTheFirst(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        alone = OfferSearch(search.product, search.service, search.valid_from, search.time_zone, search.travellers[:1])
        return super().search(tenant, alone, now)


class PromisesTheSameTwice(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        return [each.model_copy(update={"id": f"bundle-{number}"}) for number, each in enumerate(found)]


class SellsWhatIsNotOnTheShelf(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        return {}


class SellsWhatHasLeft(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return super().search(tenant, search, now - timedelta(minutes=1))


class FindsSomethingElse(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        other = OfferSearch("nova_zurichcard24", None, now, search.time_zone, search.travellers)
        return found or super().search(tenant, other, now)


class SaysItIsEmbedded(ShopOffers):
    external = False


class EmptyInTrouble(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        try:
            return super().search(tenant, search, now)
        except ProviderUnavailableError:
            return []


class TellsWhoTravels(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        try:
            return super().search(tenant, search, now)
        except ProviderUnavailableError as error:
            raise ProviderUnavailableError(f"nothing for {search.travellers[0].birth_date}") from error
