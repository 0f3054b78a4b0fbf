"""What is sold, what a request asks for, and an order's lines. Amounts are in minor units."""

from dataclasses import dataclass
from decimal import Decimal

PRECEDENCE = (
    ("ORDER_CANCELLED", "ORDER_EXPIRED", "ORDER_EMPTY", "DRAFT_ENDED", "DRAFT_OPEN"),
    ("LINE_NOT_FOUND", "LINE_REMOVED", "LINES_OVERLAP", "SELECTED_LINES_MISMATCH"),
    ("SERVICE_DEPARTED",),
    ("TRAVELLER_NOT_ON_ORDER", "TRAVELLER_DIFFERS", "TRAVELLER_ALREADY_ON_SERVICE"),
    ("SUPPLEMENT_NOT_OFFERED", "ALREADY_BOOKED"),
    ("REFUND_UNDECIDED", "BALANCE_NOT_ZERO", "PAYMENT_TOO_HIGH", "PRICE_ABOVE_LIMIT"),
)
"""Refusals by precedence: state of the order, unknown ids, time, people, product, money."""


class Refused(Exception):  # noqa: N818 - a refusal is no error
    """A request that a rule refuses. Codes of one rank have no order among themselves: any of them is right."""

    def __init__(self, *codes: str) -> None:
        self.codes = next(set(rank) & set(codes) for rank in PRECEDENCE if set(rank) & set(codes))
        self.all = set(codes)
        super().__init__(" or ".join(sorted(self.codes)))


@dataclass(frozen=True)
class Product:
    """A product; a group product has one price, and one line for all its travellers."""

    name: str
    price: int
    child: int | None = None
    fee: int = 0
    rate: Decimal = Decimal("0.12")
    sells: tuple[str, ...] = ("MEAL", "BICYCLE")
    group: bool = False
    seating: str = "standard"


@dataclass(frozen=True)
class Supplement:
    """A supplement; `most` is how many a traveller may have."""

    name: str
    price: int
    rate: Decimal = Decimal("0.15")
    most: int | None = None


@dataclass(frozen=True)
class Service:
    """A departure; `leaves` puts departures in order."""

    name: str
    leaves: int


@dataclass(frozen=True)
class Person:
    """A traveller as an offer was priced for him."""

    name: str
    born: str = "1990-05-04"
    child: bool = False


@dataclass(frozen=True)
class Offer:
    """A product on a service, priced for people."""

    product: Product
    service: Service
    people: tuple[Person, ...]

    def price(self, people: tuple[Person, ...]) -> int:
        """Return the price of the line for some of its people."""
        sold = self.product
        if sold.group:
            return sold.price
        return sum(sold.child if each.child and sold.child is not None else sold.price for each in people)


@dataclass(frozen=True)
class Wish:
    """An offer, with supplements for each of its lines."""

    offer: Offer
    supplements: tuple[str, ...] = ()


@dataclass(frozen=True)
class Add:
    """Adds the lines of an offer."""

    wish: Wish


@dataclass(frozen=True)
class Replace:
    """Replaces lines, each named by any of its ids, n to m."""

    lines: tuple[int, ...]
    wishes: tuple[Wish, ...]


@dataclass(frozen=True)
class Remove:
    """Gives up a line, or takes off a supplement."""

    line: int


@dataclass(frozen=True)
class AddSupplements:
    """Adds supplements to a line; on a group line for the traveller named, else for the line as a whole."""

    line: int
    supplements: tuple[str, ...]
    traveller: str | None = None


@dataclass(frozen=True)
class SetName:
    """Sets a traveller's name."""

    traveller: str
    name: str


Operation = Add | Replace | Remove | AddSupplements | SetName


@dataclass(frozen=True)
class Line:
    """A line of an order. It is replaced, never edited; a moved supplement carries its sale on."""

    key: int
    product: str
    service: Service
    travellers: tuple[str, ...]
    """Who uses it; a supplement's owner, nobody for one of a group line as a whole."""
    price: int
    rate: Decimal
    fee: int
    sale: int
    on: int | None = None
    """The line that carries a supplement."""
