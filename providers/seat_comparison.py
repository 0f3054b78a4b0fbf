"""Compares our reservations with the book of an external inventory that lists its holds."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from sqlmodel import Session

from domain.orders import ReservationState
from providers.book_deadline import Deadline
from providers.errors import ProviderAnswerWrongError
from providers.protocols import BookedPlace, HeldSeat, ListsHolds
from store.changes import changes
from store.views import seat_book
from store.views.seat_book import Place, Reserved

NAME = "seats_agree"
"""The name under which differences are shown beside violations of invariants."""
SENTENCE = "Every reservation matches the external inventory's own book, and that has no other."


class ReadsBook(Protocol):
    """A store, as far as it is read, and its clock."""

    def read(self) -> AbstractContextManager[Session]:
        """Open a read transaction."""

    def now(self) -> datetime:
        """Return the time."""


@dataclass(frozen=True)
class SeatDifference:
    """A place that one book has and the other has not, or has otherwise."""

    reference: str
    order: str | None
    """None if no change of ours has the id with which its key begins."""
    what: str
    forgotten: bool = False
    """Whether the inventory still holds, and has not sold, what an order of ours had: it may be released."""

    @property
    def sentence(self) -> str:
        """The reference, and what differs."""
        return f"{self.reference}: {self.what}"


def book_of(provider: object) -> ListsHolds | None:
    """Return an external inventory as one whose book can be read; None for any other."""
    is_external = getattr(provider, "external", False) is True
    return provider if is_external and isinstance(provider, ListsHolds) else None


def compare_seats(store: ReadsBook, inventory: ListsHolds, tenant: str, deadline: Deadline) -> list[SeatDifference]:
    """Compare every place of a tenant, until a deadline. Nothing is changed.

    Our rows are read before and after the inventory's. A place is left out if they differ, or if its order has a
    request, a step or an undo under way in either reading. So a difference may still be gone in the next round: only
    one that two rounds see is one. Raises ProviderUnavailableError and BookTooLongError.
    """
    before = _read(store, tenant)
    theirs = _book(inventory, tenant, deadline)
    after = _read(store, tenant)
    now, unsettled = store.now(), before.unsettled | after.unsettled
    differences: list[SeatDifference] = []
    with store.read() as tx:
        for reference in sorted({*before.ours, *after.ours, *theirs}):
            ours, booked = after.ours.get(reference), theirs.get(reference)
            if ours != before.ours.get(reference):
                continue
            order = ours.order if ours else changes.order_of_key(tx, booked.key, tenant) if booked else None
            what = None if order in unsettled else _differ(ours, booked, now)
            if what is None or (ours and not booked and seat_book.is_past(tx, ours, now.date())):
                continue
            forgotten = ours is None and order is not None and booked is not None and not booked.sold
            differences.append(SeatDifference(reference, order, what, forgotten))
    return differences


class _Reading(NamedTuple):
    ours: Mapping[str, Reserved]
    unsettled: set[str]


def _read(store: ReadsBook, tenant: str) -> _Reading:
    with store.read() as tx:
        return _Reading(seat_book.reserved(tx, tenant), seat_book.unsettled_orders(tx, tenant))


def _book(inventory: ListsHolds, tenant: str, deadline: Deadline) -> dict[str, BookedPlace]:
    book: dict[str, BookedPlace] = {}
    for each in inventory.held_by_us(tenant):
        if each.held.reference in book:
            raise ProviderAnswerWrongError("the inventory's book has a reference twice")
        book[each.held.reference] = each
        deadline.check()
    return book


def _differ(ours: Reserved | None, booked: BookedPlace | None, now: datetime) -> str | None:
    """Return what differs; None if the books agree."""
    if ours is None:
        return f"{'sold' if booked and booked.sold else 'held'} at the inventory, not reserved by an order of ours"
    if booked is None:
        # What is overdue may have ended there, before the draft ends here.
        is_overdue = ours.expires_at is not None and ours.expires_at <= now
        return None if is_overdue else f"{ours.state} by an order of ours, unknown to the inventory"
    if ours.place != _place(booked):
        return "another place at the inventory than in our rows"
    if booked.sold != (ours.state == ReservationState.CONFIRMED):
        return f"{ours.state} in our rows, {'sold' if booked.sold else 'only held'} at the inventory"
    return None


def _place(booked: BookedPlace) -> Place:
    held = booked.held
    if isinstance(held, HeldSeat):
        return None, held.service, None, held.coach, held.seat
    return held.item, held.service, held.day, None, None
