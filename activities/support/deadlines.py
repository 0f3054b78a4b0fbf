"""How long drafts and the seats they hold live."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from store.orders import offer_bundles
from store.tables import OrderRow


@dataclass(frozen=True)
class Deadlines:
    """A draft lives this long after its last change; its seats that much longer, as a safety net."""

    draft: timedelta = timedelta(minutes=20)
    margin: timedelta = timedelta(hours=24)

    def draft_ends(self, order: OrderRow, now: datetime) -> datetime:
        """Return when an order's draft ends at the latest if it is changed now: a deadline a client set stands."""
        if order.expires_fixed and order.expires_at:
            return order.expires_at
        return now + self.draft

    def ends_with_offers(self, tx: Session, order: OrderRow, now: datetime) -> datetime:
        """Return when a draft ends that has just been changed: for some orders with the first of its offers.

        Offers that ran out before, on an order that had expired and was priced anew, count no more.
        """
        latest = self.draft_ends(order, now)
        if order.expires_fixed or not order.expires_with_offers:
            return latest
        return min(latest, offer_bundles.first_expiry(tx, order.number, now) or latest)

    def holds_until(self, draft_ends: datetime) -> datetime:
        """Return how long seats must be held for a draft that ends then."""
        return draft_ends + self.margin
