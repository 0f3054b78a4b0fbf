"""How long drafts stay open and their seats are held."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from domain.time_limits import TimeLimit
from store.orders import offer_bundles
from store.tables import OrderRow


@dataclass(frozen=True)
class Deadlines:
    """The life of a draft after its last change, and the margin by which its seats are held longer."""

    draft: timedelta = timedelta(minutes=20)
    margin: timedelta = timedelta(hours=24)

    def draft_ends(self, order: OrderRow, now: datetime) -> datetime:
        """Return the end of an order's draft if it is changed now, in UTC.

        It is the deadline that a client set, or else the draft's life, and never later than its lines allow: a draft
        does not outlive what it may still do.
        """
        return self._allowed(order, order.expires_asked or now + self.draft)

    def ends_with_offers(self, tx: Session, order: OrderRow, now: datetime) -> datetime:
        """Return the end of a draft that has just changed; on some orders it is the first expiry of an offer.

        Offers that have expired already do not count: they belong to an expired order that was priced again.
        """
        latest = self.draft_ends(order, now)
        if order.expires_asked or not order.expires_with_offers:
            return latest
        return min(latest, offer_bundles.first_expiry(tx, order.number, now) or latest)

    def holds_until(self, draft_ends: datetime) -> datetime:
        """Return until when seats must be held for a draft with this end."""
        return draft_ends + self.margin

    def _allowed(self, order: OrderRow, deadline: datetime) -> datetime:
        limit = limit_of(order)
        return min(deadline, limit.at) if limit else deadline


def limit_of(order: OrderRow) -> TimeLimit | None:
    """Return the latest deadline that an order's draft allows, with the line that sets it; None for any."""
    return TimeLimit.model_validate_json(order.deadline_limit) if order.deadline_limit else None


def set_limit(order: OrderRow, limit: TimeLimit | None) -> None:
    """Set the latest deadline that an order's draft allows."""
    order.deadline_limit = limit.model_dump_json() if limit else None
