"""Compares our books with those of external providers in rounds: seats with the inventory, payments with the bank."""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import timedelta
from typing import Generic, TypeVar

from providers import payment_comparison, seat_comparison
from providers.book_deadline import BookTooLongError, Deadline
from providers.errors import ProviderUnavailableError
from providers.payment_comparison import Difference, compare_books
from providers.protocols import Inventory, PaymentProvider
from providers.seat_comparison import SeatDifference, compare_seats
from store.database.store import Store
from store.invariants import Violation
from store.orders.orders import tenants_with_orders

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Hashable)

BOOK_TIMEOUT = timedelta(seconds=10)
"""How long reading one provider's books of all tenants may take: less than a quarter of a round's checks."""


class BookRounds(Generic[D]):
    """Comparisons of one provider's book by this worker. A difference counts once two of its rounds have seen it."""

    def __init__(self, store: Store, compare: Callable[[str, Deadline], Iterable[D]], kind: str) -> None:
        self._store = store
        self._compare = compare
        self._kind = kind
        self._seen: dict[str, frozenset[D]] = {}

    def run(self) -> Iterator[tuple[str, frozenset[D]]]:
        """Compare the books of all tenants; yield for each what differs as the round before saw it.

        A book that cannot be read in time is left to the next round, which begins with those that were read longest
        ago.
        """
        with self._store.read() as tx:
            tenants = tenants_with_orders(tx)
        deadline, read = Deadline(BOOK_TIMEOUT), list(self._seen)
        for tenant in sorted(tenants, key=lambda each: read.index(each) + 1 if each in read else 0):
            try:
                differences = frozenset(self._compare(tenant, deadline))
            except (ProviderUnavailableError, BookTooLongError) as error:
                about = {"kind": self._kind, "code": type(error).__name__}
                log.warning("a provider's book was not compared", extra=about)
                continue
            again = differences & self._seen.pop(tenant, frozenset())
            self._seen[tenant] = differences
            yield tenant, again


class SeatRounds:
    """The comparisons of our reservations with an external inventory that lists its holds."""

    def __init__(self, store: Store, inventory: Inventory) -> None:
        self._inventory = inventory
        self._rounds: BookRounds[SeatDifference] | None = None
        if book := seat_comparison.book_of(inventory):
            self._rounds = BookRounds(
                store, lambda tenant, deadline: compare_seats(store, book, tenant, deadline), "inventory"
            )

    def run(self) -> Iterator[Violation]:
        """Yield what differs.

        What the inventory still holds for an order that does not have it is released, by its reference; what it has
        sold is never released by itself.
        """
        for tenant, again in self._rounds.run() if self._rounds else ():
            self._release(tenant, [each.reference for each in again if each.forgotten])
            for each in again:
                if not each.forgotten:
                    yield Violation(seat_comparison.NAME, each.order, each.sentence)

    def _release(self, tenant: str, forgotten: list[str]) -> None:
        if not forgotten:
            return
        log.warning("forgotten holds are released")
        try:
            # While that is pending, the next rounds see them and request it again.
            self._inventory.release_references(tenant, forgotten)
        except ProviderUnavailableError as error:
            log.warning("forgotten holds are not released", extra={"code": type(error).__name__})


class PaymentRounds:
    """The comparisons of our ledger with an external payment provider that lists its movements. Nothing is changed."""

    def __init__(self, store: Store, payments: PaymentProvider) -> None:
        self._rounds: BookRounds[Difference] | None = None
        if book := payment_comparison.book_of(payments):
            self._rounds = BookRounds(
                store, lambda tenant, deadline: compare_books(store, book, [tenant], deadline).differences, "payments"
            )

    def run(self) -> Iterator[Violation]:
        """Yield what differs."""
        for _, again in self._rounds.run() if self._rounds else ():
            for each in again:
                yield Violation(payment_comparison.NAME, each.order, each.sentence)
