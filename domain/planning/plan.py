"""The plan of a change: what it will do to the order, determined before anything is written."""

from decimal import Decimal

from domain.changes import ChangeWarning, ReplacedLines
from domain.customers import Customer, Distribution
from domain.model import Day, Flag, Instant, Model
from domain.money import Money
from domain.orders import AgeBand, PriceGroup, TravellerSeat
from domain.terms import Terms
from domain.travellers import Traveller


class PlannedLine(Model):
    """A line to be added. The quote sets its price, and the reservation its held seats."""

    id: str
    position: int
    product: str
    service: str | None
    valid_from: Instant
    first_day: Day
    valid_until: Instant | None
    last_day: Day | None
    travellers: tuple[str, ...]
    price: Money
    tax_rate: Decimal
    terms: Terms
    offer_bundle: str | None
    offer: str | None
    supplement_of: str | None = None
    replaces: tuple[str, ...] = ()
    external_reference: str | None = None
    customers: tuple[Customer, ...] = ()
    distribution: Distribution | None = None
    age_bands: tuple[AgeBand, ...] = ()
    sale: str
    """Its own id, or the sale it carries on: then its price, rate and terms are those of that sale."""
    kept_seats: tuple[TravellerSeat, ...] = ()
    """Seats of the order that its travellers keep or take over."""
    seats_to_hold: tuple[str, ...] = ()
    """Its travellers for whom a seat has to be held, in the order of the seat wish."""
    kept_units: tuple[str, ...] = ()
    """Units that pass to it from lines it replaces."""
    units_to_hold: int = 0


class SeatWish(Model):
    """Seats to be held together on one service and assigned to the lines in order."""

    service: str
    count: int
    names: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    """The order's own seats on the service, by name: unnamed seats go beside them where possible."""
    lines: tuple[str, ...]


class StockWish(Model):
    """Units of one product or supplement to be held on one service or day, one for each of these lines."""

    item: str
    service: str | None
    day: Day | None
    lines: tuple[str, ...]


class PricedOn(Model):
    """The birth date on which a traveller's offers were priced."""

    traveller: str
    birth_date: Day | None
    """None after an erasure."""


class PlannedRefusal(Model):
    """A refusal about a product or supplement, raised after those about times and people."""

    code: str
    members: tuple[dict[str, str | int], ...] = ()


class Plan(Model):
    """A planned change: every line id is resolved, and nothing is done yet."""

    version: int
    adds: tuple[PlannedLine, ...] = ()
    removes: tuple[str, ...] = ()
    restores: tuple[str, ...] = ()
    """Confirmed lines that the draft had given up and that are live again."""
    travellers: tuple[Traveller, ...] = ()
    """Travellers whose details change, with their new details."""
    seats: tuple[SeatWish, ...] = ()
    stock: tuple[StockWish, ...] = ()
    groups: tuple[PriceGroup, ...] = ()
    """The draft's price groups that this change makes or changes."""
    ended_groups: tuple[str, ...] = ()
    """Price groups that became part of those, or that have no lines left."""
    replaced: tuple[ReplacedLines, ...] = ()
    warnings: tuple[ChangeWarning, ...] = ()
    refusals: tuple[PlannedRefusal, ...] = ()
    priced_on: tuple[PricedOn, ...] = ()
    confirm: Flag = False
    ends_draft: Flag = False
    """Whether the order is as it was confirmed, so that the draft ends."""
    no_op: Flag = False
    """Whether the order already has everything requested, for operations where that is no error."""
    next_line: int
    next_position: int
