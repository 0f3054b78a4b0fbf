"""The order model: its lines in every version, travellers, fees, seats and payments."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

from domain.customers import Customer, Distribution
from domain.model import Day, Instant, Model
from domain.money import Money, included_tax, total
from domain.settlement import Payment, balance_of, to_release, unpaid_refunds
from domain.taxes import TaxPerRate, TaxRounding, taxes_of, total_tax
from domain.terms import Terms
from domain.travellers import Traveller


class OrderStatus(StrEnum):
    """The status of an order. A confirmed order with an open draft has the status draft."""

    DRAFT = "draft"
    CONFIRMED = "confirmed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ReservationState(StrEnum):
    """The state of a seat: held for a draft, confirmed with it, or released."""

    HELD = "held"
    CONFIRMED = "confirmed"
    RELEASED = "released"


class FeeKind(StrEnum):
    """Why a fee is charged."""

    CHANGE = "change"
    CHANGE_NON_REFUNDABLE = "change_non_refundable"


class Reservation(Model):
    """A seat on a departure, reserved for the order. Lines refer to it, and it may pass from one line to another."""

    id: str
    service: str
    coach: int
    seat: int
    state: ReservationState
    expires_at: Instant | None

    @property
    def name(self) -> str:
        """The seat's name for travellers: coach 2 seat 7 is "2-07"."""
        return f"{self.coach}-{self.seat:02d}"

    @property
    def live(self) -> bool:
        """Whether the seat is held or confirmed."""
        return self.state is not ReservationState.RELEASED


class Unit(Model):
    """A unit of a product or supplement with a capacity, reserved for the order on one service or day."""

    id: str
    item: str
    """The product or supplement."""
    service: str | None
    day: Day | None
    """The day of a unit without a service."""
    state: ReservationState
    expires_at: Instant | None

    @property
    def place(self) -> str:
        """The service, or the day as YYYY-MM-DD."""
        return self.service or str(self.day)

    @property
    def live(self) -> bool:
        """Whether the unit is held or confirmed."""
        return self.state is not ReservationState.RELEASED


class TravellerSeat(Model):
    """The seat that a traveller of a line has, as the id of its reservation."""

    traveller: str
    reservation: str


class AgeBand(Model):
    """What a traveller's price row says beside the price; a line lists only bands that differ from the default."""

    traveller: str
    seat: bool = True
    accompanied: bool = False
    accompanies: int = 1


class PriceGroup(Model):
    """Lines of a draft that are priced together: what is given up for what, and whether a surplus is paid back.

    Lines are named by their sale, because a moved supplement or a new seat carries an earlier line's sale on.
    """

    id: str
    given_up: tuple[str, ...]
    """Sales of the confirmed version that the draft gives up."""
    taken: tuple[str, ...]
    """Sales that the draft adds."""
    refund: bool | None
    """Whether a surplus is paid back; None while nobody has decided."""


class OrderLine(Model):
    """One sold item. It is replaced, never edited, and records the changes that added and removed it."""

    id: str
    position: int
    product: str
    service: str | None
    valid_from: Instant
    first_day: Day
    valid_until: Instant | None
    """The end of validity; None with a service, or when it never ends."""
    last_day: Day | None
    travellers: tuple[str, ...]
    """Who uses it; a supplement's owner, none for one that belongs to a group line as a whole."""
    price: Money
    tax_rate: Decimal
    terms: Terms
    offer_bundle: str | None
    offer: str | None
    supplement_of: str | None
    seats: tuple[TravellerSeat, ...] = ()
    units: tuple[str, ...] = ()
    age_bands: tuple[AgeBand, ...] = ()
    replaces: tuple[str, ...]
    sale: str
    """The line that was sold: its own id, or that of the line whose sale it carries on with price, rate and terms."""
    external_reference: str | None
    customers: tuple[Customer, ...] = ()
    distribution: Distribution | None = None
    added_by: str
    added_in: int
    removed_by: str | None = None
    removed_in: int | None = None
    restored_by: str | None = None
    """The change of the open draft that went back to this line, after an earlier one had given it up."""

    @property
    def live(self) -> bool:
        """Whether the line is on the order now, draft included."""
        return self.removed_by is None

    @property
    def tax(self) -> Money:
        """The tax included in the price."""
        return included_tax(self.price, self.tax_rate)

    @property
    def reservations(self) -> tuple[str, ...]:
        """The reservations of its seats, in the order of the travellers."""
        return tuple(seat.reservation for seat in self.seats)

    def in_version(self, version: int) -> bool:
        """Whether the line belongs to a version of the order."""
        return self.added_in <= version and (self.removed_in is None or self.removed_in > version)


class Fee(Model):
    """A fee for changing, as an amount of its own beside the lines."""

    id: str
    kind: FeeKind
    amount: Money
    tax_rate: Decimal
    line: str | None

    @property
    def tax(self) -> Money:
        """The tax included in the fee."""
        return included_tax(self.amount, self.tax_rate)


class Order(Model):
    """An order with all data that the rules need."""

    number: str
    currency: str
    status: OrderStatus
    version: int
    confirmed_version: int
    """0 before the first confirmation."""
    draft_opened_by: str | None
    expires_at: Instant | None
    expires_asked: Instant | None
    """The deadline that a client set; the draft expires earlier if its lines allow no later deadline."""
    last_event: int
    tax_rounding: TaxRounding
    lines: tuple[OrderLine, ...]
    """Every line the order ever had, except undone ones."""
    travellers: tuple[Traveller, ...]
    confirmed_travellers: tuple[Traveller, ...]
    """Travellers with their details in the confirmed version."""
    fees: tuple[Fee, ...]
    """Fees in force, draft included."""
    confirmed_fees: tuple[Fee, ...]
    """Fees of the confirmed version."""
    groups: tuple[PriceGroup, ...]
    """Price groups of the open draft."""
    reservations: tuple[Reservation, ...]
    units: tuple[Unit, ...]
    payments: tuple[Payment, ...]

    @classmethod
    def empty(cls, number: str, currency: str, last_event: int) -> "Order":
        """Return a new order without lines."""
        return cls(
            number=number,
            currency=currency,
            status=OrderStatus.DRAFT,
            version=1,
            confirmed_version=0,
            draft_opened_by=None,
            expires_at=None,
            expires_asked=None,
            last_event=last_event,
            tax_rounding=TaxRounding.LINE,
            lines=(),
            travellers=(),
            confirmed_travellers=(),
            fees=(),
            confirmed_fees=(),
            groups=(),
            reservations=(),
            units=(),
            payments=(),
        )

    @property
    def live_lines(self) -> tuple[OrderLine, ...]:
        """Lines on the order now, draft included."""
        return tuple(line for line in self.lines if line.live)

    @property
    def confirmed_lines(self) -> tuple[OrderLine, ...]:
        """Lines of the last confirmed version; none when there is none."""
        return tuple(line for line in self.lines if self.in_confirmed(line))

    def in_confirmed(self, line: OrderLine) -> bool:
        """Whether a line belongs to the last confirmed version."""
        return bool(self.confirmed_version) and line.in_version(self.confirmed_version)

    @property
    def aboard(self) -> tuple[Traveller, ...]:
        """The travellers on live lines, in the order of the lines."""
        known = {each.id: each for each in self.travellers}
        return tuple(known[each] for each in dict.fromkeys(id_ for line in self.live_lines for id_ in line.travellers))

    @property
    def taxes(self) -> tuple[TaxPerRate, ...]:
        """Base and tax of the order's total per rate, draft included."""
        lines = [(line.price, line.tax_rate) for line in self.live_lines]
        return taxes_of([*lines, *((fee.amount, fee.tax_rate) for fee in self.fees)], self.tax_rounding, self.currency)

    @property
    def tax(self) -> Money:
        """The tax included in the order's total, draft included."""
        return total_tax(self.taxes, self.currency)

    @property
    def due(self) -> Money:
        """The order's total price, draft included."""
        return self.sum(line.price for line in self.live_lines) + self.sum(fee.amount for fee in self.fees)

    @property
    def balance(self) -> Money:
        """The amount still due; negative when a refund is due to the customer."""
        return balance_of(self.due, self.payments)

    @property
    def paid(self) -> Money:
        """What counts towards the total: the total less the balance."""
        return self.due - self.balance

    @property
    def to_release(self) -> Money:
        """Money set aside beyond what is owed, which the confirmation lets go."""
        return to_release(self.due, self.payments)

    @property
    def unpaid_refund(self) -> Money:
        """Refunds of earlier changes that no payment took and that are still owed to the customer."""
        return unpaid_refunds(self.payments, self.currency)

    def sum(self, amounts: Iterable[Money]) -> Money:
        """Return the sum in the order's currency."""
        return total(amounts, self.currency)
