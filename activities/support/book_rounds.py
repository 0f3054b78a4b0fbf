"""Compares our reservations with an external inventory's book in rounds, and releases what it holds for no order."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from providers.errors import ProviderUnavailableError
from providers.protocols import Inventory, ListsHolds
from providers.seat_comparison import NAME, BookTooLongError, SeatDifference, book_of, compare_seats, deadline_in
from store.database.store import Store
from store.invariants import Violation
from store.views.books import tenants_with_orders

log = logging.getLogger(__name__)

BOOK_TIMEOUT = timedelta(seconds=10)
"""How long reading the books of all tenants may take: a third of the round's time for its checks."""


class SeatRounds:
    """The comparisons of this worker. A difference counts once two of its rounds have seen it."""

    def __init__(self, store: Store, inventory: Inventory) -> None:
        self._store = store
        self._inventory = inventory
        self._seen: dict[str, frozenset[SeatDifference]] = {}

    def run(self) -> list[Violation]:
        """Compare the books of all tenants; return what differs as the round before saw it.

        What the inventory still holds for an order that does not have it is released, by its reference; what it has
        sold is never released by itself. A book that cannot be read in time is left to the next round, which begins
        with those that were read longest ago.
        """
        book = book_of(self._inventory)
        if book is None:
            return []
        with self._store.read() as tx:
            tenants = tenants_with_orders(tx)
        deadline, read = deadline_in(BOOK_TIMEOUT), list(self._seen)
        found: list[Violation] = []
        for tenant in sorted(tenants, key=lambda each: read.index(each) + 1 if each in read else 0):
            try:
                found += self._compare(book, tenant, deadline)
            except (ProviderUnavailableError, BookTooLongError) as error:
                log.warning("the inventory's book was not compared", extra={"code": type(error).__name__})
        return found

    def _compare(self, book: ListsHolds, tenant: str, deadline: timedelta) -> Iterator[Violation]:
        differences = frozenset(compare_seats(self._store, book, tenant, deadline))
        again = differences & self._seen.pop(tenant, frozenset())
        self._seen[tenant] = differences
        forgotten = [each.reference for each in again if each.forgotten]
        if forgotten:
            log.warning("forgotten holds are released")
            # While that is pending, the next rounds see them and request it again.
            self._inventory.release_references(tenant, forgotten)
        return (Violation(NAME, each.order, each.sentence) for each in again if not each.forgotten)
