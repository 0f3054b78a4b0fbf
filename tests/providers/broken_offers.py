"""Offer catalogues that each violate the contract in one way, named after the violation."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from domain.model import Model
from domain.money import Money
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


class AnswersText(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> Any:
        return "sold out"


class AnswersDocuments(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Any:
        return {name: each.model_dump() for name, each in super().products(tenant, ids).items()}


class AnswersAList(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Any:
        return list(super().products(tenant, ids).values())


class AnswersAnotherProduct(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        return {name: _changed(each, id="other") for name, each in super().products(tenant, ids).items()}


class AnswersMoreThanRequested(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        return super().products(tenant, [*ids, "flexible", "nova_zurichcard72"])


class PricesBelowZero(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return [_with_prices(each, Money(-1, each.currency)) for each in super().search(tenant, search, now)]


class ChargesANegativeFee(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        found = super().products(tenant, ids)
        return {name: _changed(each, change_fee=Money(-1, each.currency)) for name, each in found.items()}


class PricesInAnUnknownCurrency(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        return {name: _changed(each, currency="XXX") for name, each in super().products(tenant, ids).items()}


class MixesCurrencies(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return [_with_prices(each, Money(100, "ISK")) for each in super().search(tenant, search, now)]


class PricesInFloats(ShopOffers):
    def products(self, tenant: str, ids: Sequence[str]) -> Mapping[str, Product]:
        return {name: _changed(each, tax_rate=0.1) for name, each in super().products(tenant, ids).items()}


class TaxesAHundredPercent(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        return [_with_offers(each, tax_rate=Decimal(1)) for each in found]


class OffersAnotherProduct(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return [_with_offers(each, product="other") for each in super().search(tenant, search, now)]


class OffersWhatHasExpired(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return [_changed(each, expires_at=now) for each in super().search(tenant, search, now)]


class OffersNothingInABundle(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return [_changed(each, offers=()) for each in super().search(tenant, search, now)]


class OffersOneBundleTwice(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return 2 * super().search(tenant, search, now)


class NamesAnotherOrder(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        return [_changed(each, order="26-100001") for each in super().search(tenant, search, now)]


class OffersWithoutTimeZone(ShopOffers):
    def search(self, tenant: str, search: OfferSearch, now: datetime) -> list[OfferBundle]:
        found = super().search(tenant, search, now)
        return [_changed(each, expires_at=each.expires_at.replace(tzinfo=None)) for each in found]


class ListsOtherVariants(ShopOffers):
    def variants(self, tenant: str, parent: str) -> Sequence[Product]:
        return [*super().variants(tenant, parent), *super().products(tenant, ["standard"]).values()]


M = TypeVar("M", bound=Model)


def _changed(model: M, **members: Any) -> M:
    """Return a copy with other members, which are not validated."""
    return model.model_copy(update=members)


def _with_offers(bundle: OfferBundle, **members: Any) -> OfferBundle:
    return _changed(bundle, offers=tuple(_changed(each, **members) for each in bundle.offers))


def _with_prices(bundle: OfferBundle, price: Money) -> OfferBundle:
    offers = [(each, tuple(_changed(one, price=price) for one in each.travellers)) for each in bundle.offers]
    return _changed(bundle, offers=tuple(_changed(each, travellers=travellers) for each, travellers in offers))


LIES: Mapping[type[ShopOffers], str] = {
    AnswersText: "search",
    AnswersDocuments: "products",
    AnswersAList: "products",
    AnswersAnotherProduct: "products",
    AnswersMoreThanRequested: "products",
    PricesBelowZero: "search",
    ChargesANegativeFee: "products",
    PricesInAnUnknownCurrency: "products",
    MixesCurrencies: "search",
    PricesInFloats: "products",
    TaxesAHundredPercent: "search",
    PricesOneTraveller: "search",
    OffersAnotherProduct: "search",
    OffersWhatHasExpired: "search",
    OffersNothingInABundle: "search",
    OffersOneBundleTwice: "search",
    NamesAnotherOrder: "search",
    OffersWithoutTimeZone: "search",
    ListsOtherVariants: "variants",
}
"""Catalogues whose answer to one act must not be believed."""
