"""Checks what an external provider answers, by the rules of a catalogue file (rule M7), before it is believed.

An error names the rule and never a value: an answer may hold whatever the provider put into it.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from domain.catalogue_rules import Fault, Listing, find_faults, money_faults, rate_faults
from domain.currencies import EXPONENTS
from domain.model import Model
from domain.offers import Offer, OfferBundle, Service
from domain.price_rules import Faults
from domain.products import Product, Supplement
from providers.errors import ProviderAnswerWrongError
from providers.protocols import OfferSearch

M = TypeVar("M", bound=Model)
I = TypeVar("I", Product, Supplement, Service)  # noqa: E741 - an item

MAX_ID = 64
"""The longest id of a bundle or an offer that our database stores, in characters."""
MAX_ANSWERED = 10_000
"""The most bundles or products in one answer."""


def check_products(answer: object, ids: Collection[str]) -> dict[str, Product]:
    """Return products that were requested by id. Raises ProviderAnswerWrongError."""
    products = _by_id(Product, answer, ids)
    _raise_first(find_faults(Listing(products=products, supplements={}, railway_lines=frozenset(), whole=False)))
    return products


def check_supplements(answer: object, ids: Collection[str]) -> dict[str, Supplement]:
    """Return supplements that were requested by id. Raises ProviderAnswerWrongError."""
    supplements = _by_id(Supplement, answer, ids)
    _raise_first(find_faults(Listing(products={}, supplements=supplements, railway_lines=frozenset(), whole=False)))
    return supplements


def check_services(answer: object, ids: Collection[str]) -> dict[str, Service]:
    """Return services that were requested by id. Raises ProviderAnswerWrongError."""
    return _by_id(Service, answer, ids)


def check_variants(answer: object, parent: str) -> list[Product]:
    """Return the variants of a product. Raises ProviderAnswerWrongError."""
    products = [_checked(Product, each) for each in _sequence(answer)]
    if any(each.parent != parent for each in products):
        raise ProviderAnswerWrongError("a variant is of another product")
    check_products({each.id: each for each in products}, {each.id for each in products})
    return _distinct(products, (each.id for each in products))


def check_bundles(answer: object, search: OfferSearch, now: datetime) -> list[OfferBundle]:
    """Return the bundles that a search found. Raises ProviderAnswerWrongError."""
    bundles = [_checked(OfferBundle, each) for each in _sequence(answer)]
    _raise_first(Fault(member, detail) for each in bundles for member, detail in _bundle_faults(each, search, now))
    ids = [each.id for each in bundles]
    return _distinct(bundles, [*ids, *(offer.id for each in bundles for offer in each.offers)])


def _by_id(kind: type[I], answer: object, ids: Collection[str]) -> dict[str, I]:
    if not isinstance(answer, Mapping):
        raise ProviderAnswerWrongError("it is no mapping")
    # Only what was requested is read, so that an answer cannot be larger than its question.
    if any(each not in ids for each in answer):
        raise ProviderAnswerWrongError("it has an id that was not requested")
    found = {name: _checked(kind, each) for name, each in answer.items()}
    if any(each.id != name for name, each in found.items()):
        raise ProviderAnswerWrongError("an item has another id")
    return found


def _sequence(answer: object) -> Sequence[object]:
    if not isinstance(answer, Sequence) or isinstance(answer, str | bytes):
        raise ProviderAnswerWrongError("it is no sequence")
    if len(answer) > MAX_ANSWERED:
        raise ProviderAnswerWrongError("it is too long")
    return answer


def _checked(kind: type[M], value: object) -> M:
    """Return a model whose members are valid: one that was copied or constructed has not been validated."""
    if not isinstance(value, kind):
        raise ProviderAnswerWrongError(f"it has something that is no {kind.__name__}")
    try:
        return kind.model_validate(value.model_dump(warnings="error"))
    except (ValueError, TypeError, AttributeError):
        raise ProviderAnswerWrongError(f"it has a {kind.__name__} with invalid members") from None


def _distinct(items: list[M], ids: Iterable[str]) -> list[M]:
    found = list(ids)
    if len(set(found)) < len(found):
        raise ProviderAnswerWrongError("it has an id twice")
    return items


def _bundle_faults(bundle: OfferBundle, search: OfferSearch, now: datetime) -> Faults:
    yield from _id_faults(bundle.id)
    yield from _search_faults(bundle, search)
    if bundle.order is not None:
        yield "/order", "must be none"
    if bundle.currency not in EXPONENTS:
        yield "/currency", "is no ISO 4217 currency"
    if bundle.expired(now):
        yield "/expires_at", "is over"
    if not bundle.offers:
        yield "/offers", "must not be empty"
    for offer in bundle.offers:
        yield from _offer_faults(offer, bundle.currency)


def _search_faults(bundle: OfferBundle, search: OfferSearch) -> Faults:
    """Yield what was not searched for."""
    if search.service not in (None, bundle.service):
        yield "/service", "is another one than searched for"
    if any(search.product not in (None, offer.product) for offer in bundle.offers):
        yield "/offers", "are for another product than searched for"
    offered = Counter((each.id, each.birth_date) for offer in bundle.offers for each in offer.travellers)
    if offered != Counter((each.id, each.birth_date) for each in search.travellers):
        yield "/offers", "must price each traveller once, on the birth date searched for"


def _offer_faults(offer: Offer, currency: str) -> Faults:
    yield from _id_faults(offer.id)
    yield from rate_faults(offer.tax_rate)
    amounts = [offer.terms.change_fee, *(each.price for each in offer.travellers)]
    if offer.group_price is not None:
        amounts.append(offer.group_price)
    for amount in amounts:
        yield from money_faults("/price", amount, currency)
    if not offer.travellers or not offer.smallest <= len(offer.travellers) <= offer.largest:
        yield "/travellers", "must be as many as the offer is for"
    if offer.group != (offer.group_price is not None):
        yield "/group_price", "belongs to the offer of a group"


def _id_faults(name: str) -> Iterator[tuple[str, str]]:
    if not 0 < len(name) <= MAX_ID:
        yield "/id", f"must have 1 to {MAX_ID} characters"


def _raise_first(faults: Iterable[Fault]) -> None:
    for fault in faults:
        raise ProviderAnswerWrongError(f"a member {fault.detail}")
