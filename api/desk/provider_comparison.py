"""An order's seats and money in both books: ours, and the embedded provider's own."""

from dataclasses import dataclass

from domain.money import Money
from domain.orders import Order, Reservation
from store.database.tenant_session import TenantSession
from store.orders.orders import reservations_of
from store.tables import EmbeddedPaymentRow, OrderRow, PaymentRow
from store.views import provider_comparison


@dataclass(frozen=True)
class Seat:
    """A seat of the order, and what the inventory says of it; None where it is not ours to look at."""

    seat: Reservation
    inventory: str | None

    @property
    def agrees(self) -> bool:
        """Whether the inventory has it as we have it, as far as we can look."""
        return self.inventory is None or self.inventory == self.seat.state


@dataclass(frozen=True)
class Sums:
    """One payment by one book."""

    authorised: Money
    captured: Money
    refunded: Money
    open: bool


@dataclass(frozen=True)
class Payment:
    """A payment by both books; None where one knows of nothing."""

    key: str
    method: str | None
    ours: Sums | None
    bank: Sums | None

    @property
    def agrees(self) -> bool:
        """Whether both books say the same."""
        return self.ours == self.bank


def seats_of(tx: TenantSession, head: OrderRow, order: Order) -> list[Seat]:
    """Return the seats an order has, held or for good."""
    references = {row.id: row.reference for row in reservations_of(tx, head.number)}
    live = [each for each in order.reservations if each.live]
    holds = provider_comparison.holds(tx, head.tenant, [references[each.id] for each in live])
    known = provider_comparison.services_with_seats(tx, head.tenant, [each.service for each in live])
    found = ((each, holds.get(references[each.id])) for each in live)
    return [Seat(each, (hold.state if hold else "free") if each.service in known else None) for each, hold in found]


def payments_of(tx: TenantSession, head: OrderRow) -> list[Payment]:
    """Return an order's payments, oldest first, those only the bank knows of last."""
    return [_payment(head.currency, *each) for each in provider_comparison.payments(tx, head)]


def _payment(currency: str, key: str, ours: PaymentRow | None, bank: EmbeddedPaymentRow | None) -> Payment:
    return Payment(
        key=key,
        method=ours.method if ours else None,
        ours=_sums(ours, currency, still=ours.open) if ours else None,
        bank=_sums(bank, bank.currency, still=not bank.voided and not bank.captured_minor) if bank else None,
    )


def _sums(row: PaymentRow | EmbeddedPaymentRow, currency: str, *, still: bool) -> Sums:
    return Sums(
        authorised=Money(row.authorised_minor, currency),
        captured=Money(row.captured_minor, currency),
        refunded=Money(row.refunded_minor, currency),
        open=still,
    )
