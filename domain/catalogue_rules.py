"""The rules of a catalogue. It is checked whole, and each fault has a JSON pointer."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.currencies import EXPONENTS
from domain.durations import after, is_empty
from domain.money import Money
from domain.price_rules import Faults, group_size_faults, may_accompany, price_row_faults
from domain.products import CapacityPer, Product, Supplement
from domain.travellers import Traveller

MAX_PRICE = 10**12
"""In minor units: the sum of an order's 200 lines and their fees must be a safe whole number."""
MAX_RATE_PLACES = 10
"""Decimal places of a tax rate; the database stores up to 18."""
MAX_EACH_DAY = timedelta(days=365)
"""The longest validity with a capacity on each day: a line holds a unit for each of up to 366 days."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A violated rule, and where in the catalogue."""

    pointer: str
    detail: str


class CatalogueFaultsError(Exception):
    """A catalogue with faults, from which nothing may be sold."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__("the catalogue has faults")
        self.faults = tuple(faults)


@dataclass(frozen=True)
class Listing:
    """The products and supplements of a catalogue by JSON pointer, and what is known besides."""

    products: Mapping[str, Product]
    supplements: Mapping[str, Supplement]
    railway_lines: frozenset[str]
    """The railway lines that have departures."""
    loaded_products: tuple[Product, ...] = ()
    """Products that were loaded before; a listed one replaces the one with its id."""
    loaded_supplements: tuple[Supplement, ...] = ()
    unread: frozenset[str] = frozenset()
    """Ids and railway lines of what is listed and cannot be read; its faults are known."""
    whole: bool = True
    """False for a part of a catalogue, such as an answer: what it refers to may be in another part."""

    @property
    def products_after(self) -> tuple[Product, ...]:
        """All products as they are once the catalogue is loaded."""
        listed = {each.id for each in self.products.values()}
        return (*(each for each in self.loaded_products if each.id not in listed), *self.products.values())

    @property
    def supplements_after(self) -> dict[str, Supplement]:
        """All supplements by id, as they are once the catalogue is loaded."""
        return {each.id: each for each in (*self.loaded_supplements, *self.supplements.values())}


def find_faults(listing: Listing) -> list[Fault]:
    """Return every fault of the products and supplements of a catalogue."""
    faults = list(_repeated_ids(listing))
    for pointer, product in listing.products.items():
        faults += [Fault(pointer + member, detail) for member, detail in _product_faults(product, listing)]
    for pointer, supplement in listing.supplements.items():
        faults += [Fault(pointer + member, detail) for member, detail in _supplement_faults(supplement, listing)]
    return faults


def _repeated_ids(listing: Listing) -> Iterator[Fault]:
    """Products and supplements share their ids: lines are sold, and stock is counted, by id alone."""
    kinds: tuple[tuple[Mapping[str, Product | Supplement], Iterable[Product | Supplement]], ...] = (
        (listing.products, listing.loaded_supplements),
        (listing.supplements, listing.loaded_products),
    )
    found: set[str] = set()
    for items, loaded in kinds:
        of_other_kind = {each.id for each in loaded}
        for pointer, item in items.items():
            if item.id in found | of_other_kind:
                yield Fault(f"{pointer}/id", "is the id of another product or supplement")
            found.add(item.id)


def _product_faults(product: Product, listing: Listing) -> Faults:
    if product.currency not in EXPONENTS:
        yield "/currency", "is no ISO 4217 currency"
    yield from money_faults("/change_fee", product.change_fee, product.currency)
    for number, row in enumerate(product.prices):
        yield from money_faults(f"/prices/{number}/price", row.price, product.currency)
    yield from price_row_faults(product)
    yield from group_size_faults(product)
    yield from rate_faults(product.tax_rate)
    yield from _field_faults(product)
    yield from _time_faults(product)
    yield from _sold_supplement_faults(product, listing)
    if not listing.whole:
        return
    if product.railway_line and product.railway_line not in listing.railway_lines | listing.unread:
        yield "/railway_line", "has no timetable, and no departures that were loaded before"
    if not listing.unread:
        yield from _companion_faults(product, listing.products_after)


def _supplement_faults(supplement: Supplement, listing: Listing) -> Faults:
    yield from money_faults("/price", supplement.price, supplement.price.currency)
    yield from rate_faults(supplement.tax_rate)
    if supplement.max_per_traveller == 0:
        yield "/max_per_traveller", "must be at least 1"
    listed = {each.id for each in listing.products.values()}
    for product in listing.products_after:
        if supplement.id not in product.supplements:
            continue
        # Where the product is listed, its own currency is at fault or its list of supplements.
        if product.id not in listed and supplement.price.currency != product.currency:
            yield "/price/currency", f"is not that of {product.id}, a product loaded before that sells it"
        if supplement.capacity is not None and supplement.capacity_per is CapacityPer.EACH_DAY:
            yield from _each_day_faults(product, f" of {product.id}, which sells it")


def money_faults(member: str, amount: Money, currency: str) -> Faults:
    """Yield a fault for an amount in another currency than its product's, below zero, or above MAX_PRICE."""
    # Where the product's currency is unknown, that alone is at fault.
    if amount.currency != currency and currency in EXPONENTS:
        yield f"{member}/currency", "is not the product's currency"
    if not 0 <= amount.minor <= MAX_PRICE:
        yield f"{member}/minor", f"must be from 0 to {MAX_PRICE}"


def rate_faults(rate: Decimal) -> Faults:
    """Yield a fault for a tax rate that is none, or has too many decimal places."""
    if not 0 <= rate < 1:
        yield "/tax_rate", 'must be from 0 up to, but excluding, 1: "0.12" is 12 %'
    elif rate.as_tuple().exponent not in range(-MAX_RATE_PLACES, 1):
        yield "/tax_rate", f"must have at most {MAX_RATE_PLACES} decimal places"


def _field_faults(product: Product) -> Faults:
    known = set(Traveller.model_fields) - {"id"}
    for member in ("fields_for_offer", "fields_for_order"):
        for number, name in enumerate(getattr(product, member)):
            if name not in known:
                yield f"/{member}/{number}", f"must be one of {', '.join(sorted(known))}"


def _time_faults(product: Product) -> Faults:
    for member in ("returnable_until", "sold_until"):
        if getattr(product, member) == "line":
            yield f"/{member}", "must be one of start, end, always" + ", not" * (member == "returnable_until")
    if product.validity and is_empty(product.validity):
        yield "/validity", "must be longer than zero"
    if product.capacity is not None and product.capacity_per is CapacityPer.EACH_DAY:
        yield from _each_day_faults(product, "")


def _each_day_faults(product: Product, whose: str) -> Faults:
    """Yield a fault if a line without a service would hold units for too many days, or for days without end."""
    if product.railway_line:
        return
    first = datetime(2024, 1, 1, tzinfo=UTC)
    last = _end(first, product.validity) if product.validity else None
    if last is None or last - first > MAX_EACH_DAY:
        yield "/capacity_per", f"is each_day, so that the validity{whose} must be at most {MAX_EACH_DAY.days} days"


def _end(first: datetime, duration: str) -> datetime | None:
    try:
        return after(first, duration, "UTC")
    except OverflowError:
        return None


def _sold_supplement_faults(product: Product, listing: Listing) -> Faults:
    known = listing.supplements_after
    for number, code in enumerate(product.supplements):
        member = f"/supplements/{number}"
        if code in product.supplements[:number]:
            yield member, "is listed twice"
        elif listing.whole and code not in known and code not in listing.unread:
            yield member, "is no supplement of this catalogue, nor one that was loaded before"
        elif code in known and known[code].price.currency != product.currency and product.currency in EXPONENTS:
            yield member, f"has its price in {known[code].price.currency}, and the product in {product.currency}"


def _companion_faults(product: Product, products: Iterable[Product]) -> Faults:
    """Accompanied travellers need somebody on their service, or on a product of their family where there is none."""
    accompanied = [] if product.group else [n for n, row in enumerate(product.prices) if row.accompanied]
    if accompanied and not any(_accompanies(other, product) for other in products):
        for number in accompanied:
            yield f"/prices/{number}/accompanied", "needs a price whose travellers may accompany"


def _accompanies(other: Product, product: Product) -> bool:
    together = other.railway_line == product.railway_line
    if product.railway_line is None:
        together = together and other.accompanying_family == product.accompanying_family
    return together and any(map(may_accompany, other.prices))
