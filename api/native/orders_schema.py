"""Request and response models of orders in the native API."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from api.native.amounts import Amount, CurrencyIn, amount
from api.native.offers_schema import ZoneIn
from api.native.taxes_schema import TaxOut, taxes_out
from api.services.create_order import NewOrder
from domain.currencies import EXPONENTS
from domain.customers import Customer, Distribution
from domain.orders import Fee, Order, OrderLine, Reservation, Unit
from store.tables import OrderRow
from temporal.messages import Progress


def _supported(currency: str) -> str:
    if currency not in EXPONENTS:
        raise ValueError("must be a supported ISO 4217 currency")
    return currency


class OrderIn(NewOrder):
    """A new, empty order."""

    currency: Annotated[CurrencyIn, AfterValidator(_supported)]
    time_zone: ZoneIn = "UTC"

    model_config = {"json_schema_extra": {"examples": [{"currency": "NOK", "external_reference": "shop-77"}]}}


class LineOut(BaseModel):
    """One order line: a product for one or several travellers."""

    id: str
    position: int = Field(description="Lines that were added together share a position; replacements keep it.")
    product: str
    service: str | None
    valid_from: datetime
    travellers: list[str]
    price: Amount
    tax: Amount = Field(description="Included in the price, rounded by itself; the order's `taxes` may round per rate.")
    tax_rate: str
    offer_bundle_id: str | None
    supplement_of: str | None = Field(description="The line that the supplement belongs to now.")
    reservations: list[str] = Field(description="Its seats, by the ids of the order's `reservations`.")
    units: list[str] = Field(description="Its units of stock, by the ids of the order's `units`.")
    replaces: list[str] = Field(description="The lines that this line replaced; requests may still use their ids.")
    external_reference: str | None
    customers: list[Customer]
    distribution: Distribution | None
    confirmed: bool = Field(description="False while the line is only part of the draft.")


class TravellerOut(BaseModel):
    """A traveller on a line of the order."""

    id: str
    given_name: str | None
    family_name: str | None
    birth_date: date | None
    salutation: str | None
    gender: str | None
    nationality: str | None = Field(description="ISO 3166, two or three letters.")
    passport: str | None


class ReservationOut(BaseModel):
    """A seat held or confirmed for the order."""

    id: str
    service: str
    coach: int
    seat: str = Field(examples=["2-07"])
    state: str
    expires_at: datetime | None


class UnitOut(BaseModel):
    """A unit of a product or supplement with a capacity, held or confirmed for the order."""

    id: str
    product: str = Field(description="The product or supplement.")
    service: str | None
    day: date | None = Field(description="The day of a unit without a service.")
    state: str
    expires_at: datetime | None


class FeeOut(BaseModel):
    """A fee that is not part of a line's price."""

    kind: str
    amount: Amount
    tax: Amount
    tax_rate: str
    line: str | None


class DraftOut(BaseModel):
    """The open draft: what confirmation would apply and a discard would undo."""

    version: int
    expires_at: datetime | None
    adds: list[str]
    removes: list[str]
    progress: Progress | None = Field(description="The progress of the order's workflow; null if the query failed.")
    progress_unavailable: bool = Field(description="True if the workflow did not answer within 2 seconds.")


class OrderOut(BaseModel):
    """An order in its present state, including its draft."""

    number: str
    status: str
    version: int
    confirmed_version: int = Field(description="0 if the order was never confirmed.")
    currency: str
    total: Amount
    tax: Amount
    taxes: list[TaxOut] = Field(description="The total by tax rate, lowest rate first.")
    paid: Amount = Field(
        description="What counts towards the total, so that paid plus balance is the total: captured payments less"
        " refunds, and money set aside for the draft, up to what is owed."
    )
    balance: Amount = Field(description="The amount due; negative if the customer gets a refund.")
    to_release: Amount = Field(description="Money set aside beyond what is owed. The confirmation lets it go.")
    refund_owed: Amount = Field(
        description="Refunds that no card took and that are still owed to the customer; they count as refunded."
    )
    external_reference: str | None
    distribution_channel: str | None
    point_of_sale: str | None
    created_at: datetime
    last_confirmed_at: datetime | None
    expires_at: datetime | None
    lines: list[LineOut]
    travellers: list[TravellerOut]
    reservations: list[ReservationOut]
    units: list[UnitOut]
    fees: list[FeeOut]
    draft: DraftOut | None


def _fee_out(fee: Fee) -> FeeOut:
    taxed = {"amount": amount(fee.amount), "tax": amount(fee.tax), "tax_rate": str(fee.tax_rate)}
    return FeeOut(kind=fee.kind, line=fee.line, **taxed)


def order_out(order_row: OrderRow, order: Order, draft: DraftOut | None) -> OrderOut:
    """Convert an order with its draft."""
    fees = [_fee_out(each) for each in order.fees]
    return OrderOut(
        **order_row.model_dump(include=_COPIED),
        total=amount(order.due),
        tax=amount(order.tax),
        paid=amount(order.paid),
        taxes=taxes_out(order.taxes),
        balance=amount(order.balance),
        to_release=amount(order.to_release),
        refund_owed=amount(order.unpaid_refund),
        lines=[_line_out(line, order) for line in order.live_lines],
        travellers=[TravellerOut.model_validate(each, from_attributes=True) for each in order.aboard],
        reservations=[_reservation_out(each) for each in order.reservations if each.live],
        units=[_unit_out(each) for each in order.units if each.live],
        fees=fees,
        draft=draft,
    )


_COPIED = {
    "number",
    "status",
    "version",
    "confirmed_version",
    "currency",
    "external_reference",
    "distribution_channel",
    "point_of_sale",
    "created_at",
    "last_confirmed_at",
    "expires_at",
}


def draft_out(order: Order, progress: Progress | None) -> DraftOut | None:
    """Convert the order's open draft; None if it has none."""
    if order.draft_opened_by is None:
        return None
    confirmed = {line.id for line in order.confirmed_lines}
    live = {line.id for line in order.live_lines}
    return DraftOut(
        version=order.version,
        expires_at=order.expires_at,
        adds=[line.id for line in order.live_lines if line.id not in confirmed],
        removes=[line.id for line in order.confirmed_lines if line.id not in live],
        progress=progress,
        progress_unavailable=progress is None,
    )


def _line_out(line: OrderLine, order: Order) -> LineOut:
    return LineOut(
        **line.model_dump(include={"id", "position", "product", "service", "valid_from", "external_reference"}),
        travellers=list(line.travellers),
        price=amount(line.price),
        tax=amount(line.tax),
        tax_rate=str(line.tax_rate),
        offer_bundle_id=line.offer_bundle,
        supplement_of=line.supplement_of,
        reservations=list(line.reservations),
        units=list(line.units),
        replaces=list(line.replaces),
        customers=list(line.customers),
        distribution=line.distribution,
        confirmed=order.in_confirmed(line),
    )


def _unit_out(unit: Unit) -> UnitOut:
    same: dict[str, Any] = unit.model_dump(include={"id", "service", "day", "state", "expires_at"})
    return UnitOut(**same, product=unit.item)


def _reservation_out(seat: Reservation) -> ReservationOut:
    same: dict[str, Any] = seat.model_dump(include={"id", "service", "coach", "state", "expires_at"})
    return ReservationOut(**same, seat=seat.name)
