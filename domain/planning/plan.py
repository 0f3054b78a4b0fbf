"""What a change will do to the order, worked out before anything is touched."""

from decimal import Decimal

from domain.changes import IgnoredField, ReplacedLines
from domain.customers import Customer, Distribution
from domain.model import Day, Flag, Instant, Model
from domain.money import Money
from domain.travellers import Traveller


class PlannedLine(Model):
    """A line to be added. The quote settles its price; the reservation its held seats."""

    id: str
    position: int
    product: str
    service: str | None
    valid_from: Instant
    first_day: Day
    travellers: tuple[str, ...]
    offered_price: Money | None
    """The bundle's or supplement's price; None when an expired order's line is to be priced anew."""
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
    """Reservations that pass to it from a line it replaces."""
    seats_to_hold: int = 0
    """How many further seats are to be held for it."""


class SeatWish(Model):
    """Seats to be held together on one service, given to the lines in order."""

    service: str
    count: int
    names: tuple[str, ...] = ()
    lines: tuple[str, ...]


class Plan(Model):
    """A resolved change: every line id known, nothing done yet."""

    version: int
    adds: tuple[PlannedLine, ...] = ()
    removes: tuple[str, ...] = ()
    travellers: tuple[Traveller, ...] = ()
    """Travellers as they will be, where that differs from now."""
    seats: tuple[SeatWish, ...] = ()
    replaced: tuple[ReplacedLines, ...] = ()
    warnings: tuple[IgnoredField, ...] = ()
    refund_price_difference: Flag = False
    confirm: Flag = False
    no_op: Flag = False
    """Whether the order already is what was asked, and asking so is no mistake."""
    next_line: int
    next_position: int
