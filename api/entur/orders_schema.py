"""Orders as Entur's clients read them. Money is decimal text, tax included."""

from datetime import date, datetime
from decimal import Decimal

from pydantic import Field

from api.entur.responses import ResponseModel
from domain.customers import Customer, Distribution, Reference
from domain.lineage import carrier
from domain.money import Money, included_tax
from domain.orders import Fee, Order, OrderLine, Reservation
from store.tables import OrderRow


class PriceWithTax(ResponseModel):
    """An amount, tax included."""

    amount: str = Field(examples=["299.00"])
    currency: str
    tax_amount: str
    tax_rate: str


class RefOut(ResponseModel):
    """Something in another system."""

    id: str
    version: str | None


class EntitlementOut(ResponseModel):
    """What a customer holds."""

    contract_id: str | None
    entitlement_product_ref: RefOut
    external_entitlement_ref: RefOut | None


class CustomerOut(ResponseModel):
    """A customer linked to a line."""

    customer_id: str
    entitlements: list[EntitlementOut]


class DistributionOut(ResponseModel):
    """How a line's ticket is handed over."""

    fulfillment_method_ref: RefOut | None
    type_of_travel_document_to_issue_ref: RefOut | None
    customer_account_ref: RefOut | None


class OrderLineOut(ResponseModel):
    """One sold thing."""

    id: str
    product: str
    service: str | None
    valid_from: datetime
    price: PriceWithTax
    travellers: list[str] = Field(description="Their ids; one on a regular product, all on a group product.")
    reservation_ids: list[str]
    offer_id: str | None
    supplement_of: str | None
    replaces: list[str] = Field(description="Lines it came in the place of; their ids keep resolving to it.")
    external_reference: str | None
    customers: list[CustomerOut]
    distribution_details: DistributionOut | None
    confirmed: bool


class ReservationOut(ResponseModel):
    """A seat kept for the order."""

    id: str
    service: str
    coach: int
    seat: str
    state: str
    expire_at: datetime | None


class FeeOut(ResponseModel):
    """A fee beside the lines."""

    id: str
    type: str = Field(examples=["CHANGE", "CHANGE_NON_REFUNDABLE"])
    price: PriceWithTax
    reason: str
    order_line_ids: list[str]


class TravellerOut(ResponseModel):
    """Who travels."""

    id: str
    given_name: str | None
    family_name: str | None
    birth_date: date | None


class OrderOut(ResponseModel):
    """An order as it stands, its draft included."""

    id: str
    status: str = Field(examples=["DRAFT", "CONFIRMED"])
    version: int
    currency: str
    total_amount: str
    total_tax_amount: str
    balance: str = Field(description='What is owed: "0.00" or less to confirm.')
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
    """Return an amount with the tax inside it."""
    tax = included_tax(money, rate)
    return PriceWithTax(amount=str(money), currency=money.currency, tax_amount=str(tax), tax_rate=str(rate))


def order_out(head: OrderRow, order: Order) -> OrderOut:
    """Return an order as it goes over the wire."""
    return OrderOut(
        id=order.number,
        status=order.status.upper(),
        version=order.version,
        currency=order.currency,
        total_amount=str(order.due),
        total_tax_amount=str(order.tax),
        balance=str(order.balance),
        failed=False,
        organisation_id=head.tenant,
        distribution_channel_id=head.distribution_channel,
        pos=head.point_of_sale,
        created_at=head.created_at,
        last_confirmed_at=head.last_confirmed_at,
        expire_at=order.expires_at,
        order_lines=[_line(line, order) for line in order.live_lines],
        reservations=[_reservation(each) for each in order.reservations if each.live],
        fees=[_fee(fee, order) for fee in order.fees],
        travellers=[TravellerOut(**each.model_dump(include=_PERSON)) for each in order.aboard],
        payment_refs=[RefOut(id=p.key, version=None) for p in order.payments if p.open or p.captured.minor],
    )


def _line(line: OrderLine, order: Order) -> OrderLineOut:
    return OrderLineOut(
        **line.model_dump(include=_SAME),
        price=price(line.price, line.tax_rate),
        travellers=list(line.travellers),
        reservation_ids=list(line.reservations),
        offer_id=line.offer,
        supplement_of=carrier(order, line),
        replaces=list(line.replaces),
        customers=[_customer(each) for each in line.customers],
        distribution_details=_distribution(line.distribution),
        confirmed=order.in_confirmed(line),
    )


_PERSON = set(TravellerOut.model_fields)
_SAME = {"id", "product", "service", "valid_from", "external_reference"}


def _customer(customer: Customer) -> CustomerOut:
    held = [
        EntitlementOut(
            contract_id=each.contract_id,
            entitlement_product_ref=RefOut(**each.product.model_dump()),
            external_entitlement_ref=_ref(each.external),
        )
        for each in customer.entitlements
    ]
    return CustomerOut(customer_id=customer.id, entitlements=held)


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
    same = seat.model_dump(include={"id", "service", "coach"})
    return ReservationOut(**same, seat=seat.name, state=seat.state.upper(), expire_at=seat.expires_at)


def _fee(fee: Fee, order: Order) -> FeeOut:
    about = [fee.line] if fee.line else [line.id for line in order.live_lines]
    kind = fee.kind.upper()
    return FeeOut(
        id=fee.id, type=kind, price=price(fee.amount, fee.tax_rate), reason=_REASONS[kind], order_line_ids=about
    )


_REASONS = {
    "CHANGE": "Fee for changing the order line.",
    "CHANGE_NON_REFUNDABLE": "The change is cheaper and the difference is not refunded.",
}
