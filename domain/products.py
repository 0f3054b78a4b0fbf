"""Products with prices by age, and supplements sold with them."""

from collections.abc import Iterable
from decimal import Decimal

from domain.ages import age_on
from domain.model import Code, Day, Flag, Model, Number, Text
from domain.money import Money


class PriceRow(Model):
    """One price for an age range, both ends included."""

    min_age: Number
    max_age: Number
    price: Money


class GroupSize(Model):
    """How many travellers may share the one order line of a group product."""

    smallest: Number
    largest: Number


class Product(Model):
    """A product sold per traveller or once per group, with or without a departure."""

    id: Code
    name: Text
    title: str = ""
    description: str = ""
    currency: str
    prices: tuple[PriceRow, ...]
    tax_rate: Decimal
    change_fee: Money
    railway_line: Code | None = None
    """The railway line of its departures; None for a product without a departure."""
    group: GroupSize | None = None
    sold_by_offers: Flag = True
    """Whether its lines refer to the offer they were sold by, and are kept or replaced with it."""
    fields_for_offer: tuple[str, ...] = ("birth_date",)
    fields_for_order: tuple[str, ...] = ("birth_date", "given_name", "family_name")
    supplements: tuple[Code, ...] = ()
    sku: str = ""
    parent: str = ""
    """The product this one is a variant of (discover.swiss productIdentifier)."""
    source: str = ""
    terms: str = ""
    provider: str = ""


class Supplement(Model):
    """An extra sold with an order line, such as a meal or a bicycle."""

    id: Code
    name: Text
    price: Money
    tax_rate: Decimal
    changes_seating: Flag


def price_at_age(rows: tuple[PriceRow, ...], age: int) -> Money | None:
    """Return the price for an age, or None when no row contains it.

    When two rows contain the age, the one with the lower maximum wins: in the Zürich card's price list both
    5 to 15 and 15 to 2500 contain 15, and 15 pays the child price ("from their 6th to their 16th birthday").
    """
    matching = [row for row in rows if row.min_age <= age <= row.max_age]
    return min(matching, key=lambda row: row.max_age).price if matching else None


def without_price(product: Product, birth_dates: Iterable[tuple[str, Day | None]], first_day: Day) -> list[str]:
    """Return the ids of travellers whose age on the first day of validity is in no price row."""
    if product.group:
        return []
    return [each for each, birth in birth_dates if birth and price_for(product, birth, first_day) is None]


def price_for(product: Product, birth_date: Day, first_day: Day) -> Money | None:
    """Return one traveller's price by their age on the first day of validity, or None when no price row matches."""
    return price_at_age(product.prices, age_on(birth_date, first_day))
