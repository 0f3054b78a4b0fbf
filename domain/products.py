"""Products with prices by age, and supplements sold with them."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from domain.ages import age_on
from domain.durations import Duration, after
from domain.model import Code, Day, Flag, Model, Number, Text
from domain.money import Money
from domain.terms import ReturnableUntil, SoldUntil, Terms


class CapacityPer(StrEnum):
    """What a capacity is counted by when the line has no service: its first day, or each day of its validity."""

    FIRST_DAY = "first_day"
    EACH_DAY = "each_day"


class PriceRow(Model):
    """One price for an age range, both ends included."""

    min_age: Number
    max_age: Number
    price: Money
    seat: Flag = True
    """Whether a seat is held; a lap infant has none."""
    accompanied: Flag = False
    """Whether another traveller without this mark has to be on the same service."""
    accompanies: Number = 1
    """How many accompanied travellers one traveller of this row may accompany."""


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
    validity: Duration | None = None
    """How long a line without a service is valid; None means without end. With a service: until its departure."""
    returnable_until: ReturnableUntil = ReturnableUntil.START
    sold_until: SoldUntil = SoldUntil.END
    sold_ahead: Duration = "P1Y"
    """How far ahead of its validity it is sold."""
    second_place: Flag = False
    """Whether one traveller may have several lines of it on one service."""
    seating: Code = "standard"
    """A traveller keeps the seat when one product replaces another with the same seating."""
    capacity: Number | None = None
    """How many lines may be sold per service, else per day; None means no limit."""
    capacity_per: CapacityPer = CapacityPer.FIRST_DAY
    family: Code | None = None
    """Products of one family accompany each other; None means the parent, else the product itself."""
    withdrawn: Flag = False
    """Whether it is no longer sold; lines already sold stay as they are."""

    @property
    def sale_terms(self) -> Terms:
        """The terms it is sold under today."""
        return Terms(change_fee=self.change_fee, returnable_until=self.returnable_until, sold_until=self.sold_until)

    @property
    def accompanying_family(self) -> str:
        """The family of products whose lines accompany each other."""
        return self.family or self.parent or self.id

    def valid_until(self, valid_from: datetime, time_zone: str) -> datetime | None:
        """Return the end of validity of a line without a service; None when it never ends, or after the year 9999."""
        return _end(valid_from, self.validity, time_zone) if self.validity else None

    def sale_over(self, valid_from: datetime, time_zone: str, now: datetime) -> bool:
        """Whether a line without a service is no longer sold; true at the instant of its limit."""
        limits = {SoldUntil.START: valid_from, SoldUntil.END: self.valid_until(valid_from, time_zone)}
        limit = limits.get(self.sold_until)
        return limit is not None and now >= limit

    def too_far_ahead(self, valid_from: datetime, time_zone: str, now: datetime) -> bool:
        """Whether a line is not sold yet, because it is valid from further ahead than the product is sold."""
        latest = _end(now, self.sold_ahead, time_zone)
        return latest is not None and valid_from > latest


def _end(start: datetime, duration: str, time_zone: str) -> datetime | None:
    try:
        return after(start, duration, time_zone)
    except OverflowError:
        return None


class Supplement(Model):
    """An extra sold with an order line, such as a meal or a bicycle."""

    id: Code
    name: Text
    price: Money
    tax_rate: Decimal
    changes_seating: Flag
    returnable_until: ReturnableUntil | None = None
    """Until when it may be taken off; None means as long as its line may be given up."""
    sold_until: SoldUntil | None = None
    """Until when it is sold; None means as long as its line is."""
    capacity: Number | None = None
    """How many may be sold per service, else per day; None means no limit."""
    capacity_per: CapacityPer = CapacityPer.FIRST_DAY
    max_per_traveller: Number | None = None
    withdrawn: Flag = False


def row_at_age(rows: tuple[PriceRow, ...], age: int) -> PriceRow | None:
    """Return the price row for an age, or None when no row contains it.

    When two rows contain the age, the one with the lower maximum wins: in the Zürich card's price list both
    5 to 15 and 15 to 2500 contain 15, and 15 pays the child price ("from their 6th to their 16th birthday").
    """
    matching = [row for row in rows if row.min_age <= age <= row.max_age]
    return min(matching, key=lambda row: row.max_age) if matching else None


def without_price(product: Product, birth_dates: Iterable[tuple[str, Day | None]], first_day: Day) -> list[str]:
    """Return the ids of travellers whose age on the first day of validity is in no price row."""
    if product.group:
        return []
    return [each for each, birth in birth_dates if birth and price_for(product, birth, first_day) is None]


def row_for(product: Product, birth_date: Day, first_day: Day) -> PriceRow | None:
    """Return one traveller's price row by their age on the first day of validity, or None when no row matches."""
    return row_at_age(product.prices, age_on(birth_date, first_day))


def price_for(product: Product, birth_date: Day, first_day: Day) -> Money | None:
    """Return one traveller's price by their age on the first day of validity, or None when no price row matches."""
    row = row_for(product, birth_date, first_day)
    return row.price if row else None
