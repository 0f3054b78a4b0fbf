"""Compares an order's seats, units and payments with the embedded providers' records."""

from dataclasses import dataclass

from domain.money import Money
from domain.orders import Order, Reservation, Unit
from store.database.tenant_session import TenantSession
from store.orders.orders import reservations_of
from store.tables import EmbeddedPaymentRow, OrderRow, PaymentRow
from store.views import provider_comparison


@dataclass(frozen=True)
class Seat:
    """A seat of the order, and its state in the inventory; None if the inventory is external."""

    seat: Reservation
    inventory: str | None

    @property
    def agrees(self) -> bool:
        """Whether both have the same state; true for an external inventory, which is not compared."""
        return self.inventory is None or self.inventory == self.seat.state


@dataclass(frozen=True)
class UnitOfStock:
    """A unit of the order, and its state in the inventory; None if the inventory is external."""

    unit: Unit
    inventory: str | None

    @property
    def agrees(self) -> bool:
        """Whether both have the same state; true for an external inventory, which is not compared."""
        return self.inventory is None or self.inventory == self.unit.state


@dataclass(frozen=True)
class Sums:
    """The amounts of one payment, in our ledger or in the provider's records."""

    authorised: Money
    captured: Money
    refunded: Money
    open: bool


@dataclass(frozen=True)
class Payment:
    """A payment in our ledger and in the provider's records; None where one of them has no record."""

    key: str
    method: str | None
    ours: Sums | None
    provider: Sums | None

    @property
    def agrees(self) -> bool:
        """Whether both records are equal."""
        return self.ours == self.provider


def seats_of(tx: TenantSession, order_row: OrderRow, order: Order) -> list[Seat]:
    """Return an order's seats, held or sold."""
    references = {row.id: row.reference for row in reservations_of(tx, order_row.number)}
    live = [each for each in order.reservations if each.live]
    holds = provider_comparison.holds(tx, order_row.tenant, [references[each.id] for each in live])
    embedded = provider_comparison.services_with_seats(tx, order_row.tenant, [each.service for each in live])
    pairs = ((each, holds.get(references[each.id])) for each in live)
    return [Seat(each, (hold.state if hold else "free") if each.service in embedded else None) for each, hold in pairs]


def units_of(tx: TenantSession, order_row: OrderRow, order: Order) -> list[UnitOfStock]:
    """Return an order's units, held or sold."""
    rows = {row.id: row for row in reservations_of(tx, order_row.number)}
    live = [each for each in order.units if each.live]
    holds = provider_comparison.stock_holds(tx, order_row.tenant, [rows[each.id].reference for each in live])

    def state(unit: Unit) -> str | None:
        row = rows[unit.id]
        hold = holds.get(row.reference)
        # The embedded inventory's references begin with their key.
        return hold.state if hold else "free" if row.reference.startswith(f"{row.key}/") else None

    return [UnitOfStock(each, state(each)) for each in live]


def payments_of(tx: TenantSession, order_row: OrderRow) -> list[Payment]:
    """Return an order's payments, oldest first; those that only the provider has a record of come last."""
    return [_payment(order_row.currency, *each) for each in provider_comparison.payments(tx, order_row)]


def _payment(currency: str, key: str, ours: PaymentRow | None, record: EmbeddedPaymentRow | None) -> Payment:
    open_ = record is not None and not record.voided and not record.captured_minor
    return Payment(
        key=key,
        method=ours.method if ours else None,
        ours=_sums(ours, currency, open_=ours.open) if ours else None,
        provider=_sums(record, record.currency, open_=open_) if record else None,
    )


def _sums(row: PaymentRow | EmbeddedPaymentRow, currency: str, *, open_: bool) -> Sums:
    return Sums(
        authorised=Money(row.authorised_minor, currency),
        captured=Money(row.captured_minor, currency),
        refunded=Money(row.refunded_minor, currency),
        open=open_,
    )
