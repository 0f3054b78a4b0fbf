"""How long drafts stay open and their seats are held."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from store.orders import offer_bundles
from store.tables import OrderRow


@dataclass(frozen=True)
class Deadlines:
    """The life of a draft after its last change, and the margin by which its seats are held longer."""

    draft: timedelta = timedelta(minutes=20)
    margin: timedelta = timedelta(hours=24)

    def draft_ends(self, order: OrderRow, now: datetime) -> datetime:
        """Return the latest end of an order's draft if it is changed now, in UTC. A deadline set by a client stays."""
        if order.expires_fixed and order.expires_at:
            return order.expires_at
        return now + self.draft

    def ends_with_offers(self, tx: Session, order: OrderRow, now: datetime) -> datetime:
        """Return the end of a draft that has just changed; on some orders it is the first expiry of an offer.

        Offers that have expired already do not count: they belong to an expired order that was priced again.
        """
        latest = self.draft_ends(order, now)
        if order.expires_fixed or not order.expires_with_offers:
            return latest
        return min(latest, offer_bundles.first_expiry(tx, order.number, now) or latest)

    def holds_until(self, draft_ends: datetime) -> datetime:
        """Return until when seats must be held for a draft with this end."""
        return draft_ends + self.margin
