"""How long drafts stay open, and their seats are held."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from domain.refusals import HoldTooShort
from domain.time_limits import DeadlineCause, LatestDeadline, TimeLimit
from store.database.documents import from_document, to_document
from store.orders import ledger, offer_bundles, reservations
from store.tables import OrderRow
from temporal.names import System

CONFIRMATION_NEEDS = timedelta(minutes=5)
"""How long holds and authorisations must last after a confirmation begins, and holds after each attempt to settle: the
next attempt follows within a minute and a half. A draft ends by so much before them."""


@dataclass(frozen=True)
class Deadlines:
    """The life of a draft after its last change, and the margin by which its seats are held longer."""

    draft: timedelta = timedelta(minutes=20)
    margin: timedelta = timedelta(hours=24)

    def draft_ends(self, order: OrderRow, now: datetime) -> datetime:
        """Return the end of an order's draft if it is changed now, in UTC, as far as clients and lines decide.

        It is the deadline that a client set, or else the draft's life, and never later than its lines allow: a draft
        does not outlive what it may still do.
        """
        deadline, limit = order.expires_asked or now + self.draft, limit_of(order)
        return min(deadline, limit.at) if limit else deadline

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


def latest_deadline(
    tx: Session, order: OrderRow, external: Collection[System], *, extending: bool = False
) -> LatestDeadline | None:
    """Return the latest deadline that an order's draft allows, with what sets it; None for any.

    It is the earliest of what its lines allow, and the ends of what external providers hold and have authorised for
    it, less what a confirmation needs. `extending`: the holds are about to be extended, so they do not count.
    """
    found: list[LatestDeadline] = []
    limit = limit_of(order)
    if limit is not None:
        found.append(LatestDeadline(limit.at, DeadlineCause.LINE, limit.line))
    if System.SEATS in external and not extending:
        found += _before(reservations.first_shortened(tx, order.number), DeadlineCause.HOLD)
    if System.PAYMENTS in external:
        found += _before(ledger.first_end(tx, order.number), DeadlineCause.AUTHORISATION)
    return min(found, default=None)


def _before(end: datetime | None, cause: DeadlineCause) -> list[LatestDeadline]:
    return [] if end is None else [LatestDeadline(end - CONFIRMATION_NEEDS, cause)]


def check_holds_last(tx: Session, order: OrderRow, now: datetime) -> None:
    """Raise HoldTooShort if what an external provider holds ends before a confirmation that begins now would."""
    end = reservations.first_shortened(tx, order.number)
    if end is not None and end < now + CONFIRMATION_NEEDS:
        raise HoldTooShort({"until": end.isoformat()})


def limit_of(order: OrderRow) -> TimeLimit | None:
    """Return the latest deadline that the lines of an order's draft allow, with the line that sets it; None for any."""
    return from_document(TimeLimit, order.deadline_limit) if order.deadline_limit else None


def set_limit(order: OrderRow, limit: TimeLimit | None) -> None:
    """Set the latest deadline that the lines of an order's draft allow."""
    order.deadline_limit = to_document(limit) if limit else None
