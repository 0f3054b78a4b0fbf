"""What can be sold: products with a price by age, and supplements sold on top."""

from collections.abc import Iterable
from decimal import Decimal

from domain.ages import age_on
from domain.model import Code, Day, Flag, Model, Number, Text
from domain.money import Money


class PriceRow(Model):
    """One price for an age range; both ends belong to it."""

    min_age: Number
    max_age: Number
    price: Money


class GroupSize(Model):
    """How many travellers share the one order line of a group product."""

    smallest: Number
    largest: Number


class Product(Model):
    """Something sold per traveller, or once per group, with or without a departure."""

    id: Code
    name: Text
    title: str = ""
    description: str = ""
    currency: str
    prices: tuple[PriceRow, ...]
    tax_rate: Decimal
    change_fee: Money
    railway_line: Code | None = None
    """The train line it is sold on; None for a product without a departure."""
    group: GroupSize | None = None
    sold_by_offers: Flag = True
    """Whether its lines refer to the offer they were sold by, and stand or fall with it."""
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
    """Sold on top of an order line: a meal, a bicycle."""

    id: Code
    name: Text
    price: Money
    tax_rate: Decimal
    changes_seating: Flag


def price_at_age(rows: tuple[PriceRow, ...], age: int) -> Money | None:
    """Return the price for an age, or None when no row holds it.

    Where two rows hold the age the one with the lower maximum wins: in the Zürich card's list both
    5 to 15 and 15 to 2500 hold 15, and 15 pays the child price ("from their 6th to their 16th birthday").
    """
    fitting = [row for row in rows if row.min_age <= age <= row.max_age]
    return min(fitting, key=lambda row: row.max_age).price if fitting else None


def without_price(product: Product, births: Iterable[tuple[str, Day | None]], first_day: Day) -> list[str]:
    """Return the travellers, by id, whose age on the first day of validity is in no price row."""
    if product.group:
        return []
    return [each for each, birth in births if birth and price_for(product, birth, first_day) is None]


def price_for(product: Product, birth_date: Day, first_day: Day) -> Money | None:
    """Return what one traveller pays on the first day of validity, or None when no price row fits."""
    return price_at_age(product.prices, age_on(birth_date, first_day))
