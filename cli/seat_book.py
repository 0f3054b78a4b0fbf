"""Compares our reservations with an external inventory's own book, for `check`."""

from dataclasses import dataclass
from datetime import timedelta

from cli.doctor.target import Target
from providers.book_deadline import BookTooLongError, Deadline
from providers.errors import ProviderUnavailableError
from providers.loader import ProviderSettingError, closing_provider, load_provider
from providers.protocols import Inventory, ListsHolds
from providers.seat_comparison import SeatDifference, book_of, compare_seats
from store.database.store import Store
from store.orders.orders import tenants_with_orders

TIMEOUT = timedelta(minutes=5)
"""How long the whole comparison may take."""
_NOT_LISTED = "The inventory does not list its holds, so its book is not compared."


@dataclass(frozen=True)
class SeatBookRead:
    """What differs in both of two comparisons, or why there is none."""

    differences: tuple[SeatDifference, ...] | None
    reason: str | None = None
    failed: bool = False
    """Whether the inventory should have answered."""


def compare(target: Target) -> SeatBookRead | None:
    """Compare twice, since only what two readings see is a difference; None if seats are embedded."""
    try:
        inventory = load_provider(Inventory, "SEATS", target.settings.seats)
        if inventory is None:
            return None
        with closing_provider(inventory):
            book = book_of(inventory)
            return _compare(target.database, book) if book else SeatBookRead(None, _NOT_LISTED)
    except ProviderSettingError as error:
        return SeatBookRead(None, str(error), failed=True)
    except (ProviderUnavailableError, BookTooLongError) as error:
        reason = f"The inventory does not answer in time, so its book is not compared: {error}"
        return SeatBookRead(None, reason, failed=True)


def _compare(database: str, book: ListsHolds) -> SeatBookRead:
    store, deadline = Store(database), Deadline(TIMEOUT)
    try:
        with store.read() as tx:
            tenants = tenants_with_orders(tx)
        found: list[SeatDifference] = []
        for tenant in tenants:
            first = compare_seats(store, book, tenant, deadline)
            again = set(compare_seats(store, book, tenant, deadline)) if first else set()
            found += [each for each in first if each in again]
        return SeatBookRead(tuple(found))
    finally:
        store.close()
