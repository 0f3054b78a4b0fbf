"""The plan of a change: what it will do to the order, determined before anything is written."""

from decimal import Decimal

from domain.changes import IgnoredField, ReplacedLines
from domain.customers import Customer, Distribution
from domain.model import Day, Flag, Instant, Model
from domain.money import Money
from domain.travellers import Traveller


class PlannedLine(Model):
    """A line to be added. The quote sets its price, and the reservation its held seats."""

    id: str
    position: int
    product: str
    service: str | None
    valid_from: Instant
    first_day: Day
    travellers: tuple[str, ...]
    offered_price: Money | None
    """The price of the bundle or supplement; None when a line of an expired order has to be priced again."""
    tax_rate: Decimal
    change_fee: Money
    offer_bundle: str | None
    offer: str | None
    supplement_of: str | None = None
    replaces: tuple[str, ...] = ()
    external_reference: str | None = None
    customers: tuple[Customer, ...] = ()
    distribution: Distribution | None = None
    kept_reservations: tuple[str, ...] = ()
    """Reservations that pass to it from lines it replaces."""
    seats_to_hold: int = 0
    """The number of further seats to be held for it."""


class SeatWish(Model):
    """Seats to be held together on one service and assigned to the lines in order."""

    service: str
    count: int
    names: tuple[str, ...] = ()
    lines: tuple[str, ...]


class Plan(Model):
    """A planned change: every line id is resolved, and nothing is done yet."""

    version: int
    adds: tuple[PlannedLine, ...] = ()
    removes: tuple[str, ...] = ()
    travellers: tuple[Traveller, ...] = ()
    """Travellers whose details change, with their new details."""
    seats: tuple[SeatWish, ...] = ()
    replaced: tuple[ReplacedLines, ...] = ()
    warnings: tuple[IgnoredField, ...] = ()
    refund_price_difference: Flag = False
    confirm: Flag = False
    no_op: Flag = False
    """Whether the order already has everything requested, for operations where that is no error."""
    next_line: int
    next_position: int
