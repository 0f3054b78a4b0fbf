"""Response models for orders in Entur's format. Amounts are decimal text, tax included."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import Field

from api.entur.responses import ResponseModel
from api.services.read_answer import AnsweredOrder
from domain.customers import Customer, Distribution, Reference
from domain.money import Money, included_tax
from domain.orders import Fee, Order, OrderLine, Reservation


class PriceWithTax(ResponseModel):
    """An amount, tax included, and the tax in it."""

    amount: str = Field(examples=["299.00"])
    currency: str
    tax_amount: str
    tax_rate: str


class RefOut(ResponseModel):
    """A reference to an object in another system."""

    id: str
    version: str | None


class EntitlementOut(ResponseModel):
    """An entitlement that a customer holds."""

    contract_id: str | None
    entitlement_product_ref: RefOut
    external_entitlement_ref: RefOut | None


class CustomerOut(ResponseModel):
    """A customer linked to a line."""

    customer_id: str
    entitlements: list[EntitlementOut]


class DistributionOut(ResponseModel):
    """How the ticket of a line is delivered."""

    fulfillment_method_ref: RefOut | None
    type_of_travel_document_to_issue_ref: RefOut | None
    customer_account_ref: RefOut | None


class OrderLineOut(ResponseModel):
    """A line of an order: one product, for one or more travellers."""

    id: str
    product: str
    service: str | None
    valid_from: datetime
    price: PriceWithTax
    travellers: list[str] = Field(
        description="Ids of the travellers: one for a regular product, all for a group product."
    )
    reservation_ids: list[str]
    offer_id: str | None
    supplement_of: str | None
    replaces: list[str] = Field(description="Ids of the lines it replaced; requests may still use them for this line.")
    external_reference: str | None
    customers: list[CustomerOut]
    distribution_details: DistributionOut | None
    confirmed: bool


class ReservationOut(ResponseModel):
    """A seat reserved for the order."""

    id: str
    service: str
    coach: int
    seat: str
    state: str
    expire_at: datetime | None


class FeeOut(ResponseModel):
    """A fee of the order."""

    id: str
    type: str = Field(examples=["CHANGE", "CHANGE_NON_REFUNDABLE"])
    price: PriceWithTax
    reason: str
    order_line_ids: list[str]


class TravellerOut(ResponseModel):
    """A traveller of the order."""

    id: str
    given_name: str | None
    family_name: str | None
    birth_date: date | None


class OrderOut(ResponseModel):
    """The state of an order, its draft included."""

    id: str
    status: str = Field(examples=["DRAFT", "CONFIRMED"])
    version: int
    currency: str
    total_amount: str
    total_tax_amount: str
    balance: str = Field(description='The amount due; an order can be confirmed at "0.00" or less.')
    failed: bool
    organisation_id: str
    distribution_channel_id: str | None
    pos: str | None
    created_at: datetime
    last_confirmed_at: datetime | None
    expire_at: datetime | None
    order_lines: list[OrderLineOut]
    reservations: list[ReservationOut]
    fees: list[FeeOut]
    travellers: list[TravellerOut]
    payment_refs: list[RefOut]


def price(money: Money, rate: Decimal) -> PriceWithTax:
    """Return an amount and the tax included in it."""
    tax = included_tax(money, rate)
    return PriceWithTax(amount=str(money), currency=money.currency, tax_amount=str(tax), tax_rate=str(rate))


def order_out(answered: AnsweredOrder) -> OrderOut:
    """Return an order in Entur's format."""
    order_row, order, last_confirmed_at = answered
    return OrderOut(
        id=order.number,
        status=order.status.upper(),
        version=order.version,
        currency=order.currency,
        total_amount=str(order.due),
        total_tax_amount=str(order.tax),
        balance=str(order.balance),
        failed=False,
        organisation_id=order_row.tenant,
        distribution_channel_id=order_row.distribution_channel,
        pos=order_row.point_of_sale,
        created_at=order_row.created_at,
        last_confirmed_at=last_confirmed_at,
        expire_at=order.expires_at,
        order_lines=[_line(line, order) for line in order.live_lines],
        reservations=[_reservation(each) for each in order.reservations if each.live],
        fees=[_fee(fee, order) for fee in order.fees],
        travellers=[TravellerOut(**each.model_dump(include=_TRAVELLER_FIELDS)) for each in order.aboard],
        payment_refs=[RefOut(id=each.key, version=None) for each in order.payments if each.open or each.captured.minor],
    )


def _line(line: OrderLine, order: Order) -> OrderLineOut:
    return OrderLineOut(
        **line.model_dump(include=_LINE_FIELDS),
        price=price(line.price, line.tax_rate),
        travellers=list(line.travellers),
        reservation_ids=list(line.reservations),
        offer_id=line.offer,
        supplement_of=line.supplement_of,
        replaces=list(line.replaces),
        customers=[_customer(each) for each in line.customers],
        distribution_details=_distribution(line.distribution),
        confirmed=order.in_confirmed(line),
    )


_TRAVELLER_FIELDS = set(TravellerOut.model_fields)
_LINE_FIELDS = {"id", "product", "service", "valid_from", "external_reference"}


def _customer(customer: Customer) -> CustomerOut:
    entitlements = [
        EntitlementOut(
            contract_id=each.contract_id,
            entitlement_product_ref=RefOut(**each.product.model_dump()),
            external_entitlement_ref=_ref(each.external),
        )
        for each in customer.entitlements
    ]
    return CustomerOut(customer_id=customer.id, entitlements=entitlements)


def _distribution(distribution: Distribution | None) -> DistributionOut | None:
    if distribution is None:
        return None
    return DistributionOut(
        fulfillment_method_ref=_ref(distribution.fulfilment_method),
        type_of_travel_document_to_issue_ref=_ref(distribution.travel_document),
        customer_account_ref=_ref(distribution.customer_account),
    )


def _ref(reference: Reference | None) -> RefOut | None:
    return RefOut(**reference.model_dump()) if reference else None


def _reservation(seat: Reservation) -> ReservationOut:
    fields = seat.model_dump(include={"id", "service", "coach"})
    return ReservationOut(**fields, seat=seat.name, state=seat.state.upper(), expire_at=seat.expires_at)


def _fee(fee: Fee, order: Order) -> FeeOut:
    line_ids = [fee.line] if fee.line else [line.id for line in order.live_lines]
    kind = fee.kind.upper()
    return FeeOut(
        id=fee.id, type=kind, price=price(fee.amount, fee.tax_rate), reason=_REASONS[kind], order_line_ids=line_ids
    )


_REASONS = {
    "CHANGE": "Fee for changing the order line.",
    "CHANGE_NON_REFUNDABLE": "The change is cheaper and the difference is not refunded.",
}
