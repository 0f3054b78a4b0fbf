"""Compares an order's seats, units and payments with the providers' records."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.money import Money
from domain.orders import Order, Reservation, Unit
from store.database.tenant_session import TenantSession
from store.orders.orders import reservations_of
from store.tables import EmbeddedPaymentRow, OrderRow, PaymentRow
from store.views import provider_comparison
from store.views.payment_book import Sums, sums_of_row


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


def payments_of(tx: TenantSession, order_row: OrderRow, book: Mapping[str, Sums] | None) -> list[Payment]:
    """Return an order's payments, oldest first; those that only the provider has a record of come last.

    `book` has the sums in an external provider's book; without it the embedded provider's records are read.
    """
    ours = provider_comparison.payments(tx, order_row)
    if book is None:
        rows = provider_comparison.embedded_payments(tx, order_row.tenant, ours.keys())
        book = {key: _embedded_sums(row) for key, row in rows.items()}
    found = [_payment(order_row.currency, key, row, book.get(key)) for key, row in ours.items()]
    return [each for each in found if each.ours or each.provider]


def _payment(currency: str, key: str, row: PaymentRow | None, provider: Sums | None) -> Payment:
    return Payment(key, row.method if row else None, sums_of_row(row, currency) if row else None, provider)


def _embedded_sums(row: EmbeddedPaymentRow) -> Sums:
    amounts = (row.authorised_minor, row.captured_minor, row.refunded_minor)
    authorised, captured, refunded = (Money(minor, row.currency) for minor in amounts)
    return Sums(authorised, captured, refunded, open=not row.voided and not row.captured_minor)
