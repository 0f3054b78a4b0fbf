"""Compares our ledger with the book of an external payment provider that lists its movements."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from sqlmodel import Session

from domain.money import Money, total
from providers.book_deadline import Deadline
from providers.errors import ProviderUnavailableError
from providers.protocols import ListsMovements, Movement, MovementKind
from store.changes import changes
from store.orders.orders import tenants_with_orders
from store.views import payment_book
from store.views.payment_book import Sums

NAME = "books_agree"
"""The name under which differences are shown beside violations of invariants."""
SENTENCE = "Every payment in the ledger matches the external payment provider's own book."
MAX_DIFFERENCES = 200
_AMOUNTS = ("authorised", "captured", "refunded")


class Readable(Protocol):
    """A store, whole or of one tenant."""

    def read(self) -> AbstractContextManager[Session]:
        """Open a read transaction."""


@dataclass(frozen=True)
class Difference:
    """A payment that differs; None where a book does not have it."""

    order: str | None
    """None if no change of ours has the id with which the key begins."""
    payment: str
    ours: Sums | None
    provider: Sums | None

    @property
    def sentence(self) -> str:
        """The payment and what differs, with amounts."""
        return f"payment {self.payment}: {'; '.join(self._parts())}"

    def _parts(self) -> Iterator[str]:
        if self.ours is None or self.provider is None:
            known, which = (self.ours, "the provider") if self.ours else (self.provider, "our ledger")
            amounts = ", ".join(f"{name} {getattr(known, name).display}" for name in _AMOUNTS)
            yield f"{which} does not have it, the other book has {amounts}"
            return
        for name in _AMOUNTS:
            ours, theirs = getattr(self.ours, name), getattr(self.provider, name)
            if ours != theirs:
                yield f"{name} {ours.display} in our ledger, {theirs.display} at the provider"
        if self.ours.open != self.provider.open:
            yield "open in our ledger, not at the provider" if self.ours.open else "open at the provider only"


@dataclass(frozen=True)
class Comparison:
    """The number of payments compared, and at most 200 differences."""

    payments: int
    differences: tuple[Difference, ...]


def book_of(provider: object) -> ListsMovements | None:
    """Return a payment provider as one whose book can be read; None if it does not list its movements."""
    return provider if isinstance(provider, ListsMovements) else None


def compare_books(
    store: Readable, provider: ListsMovements, tenants: Sequence[str], deadline: Deadline | None = None
) -> Comparison:
    """Compare every payment of some tenants, until a deadline if one is given.

    A payment whose order has a running request is left out, since its step may be between the two books, and one with
    a pending refund. Raises ProviderUnavailableError, and BookTooLongError.
    """
    deadline = deadline or Deadline()
    payments, differences = 0, list[Difference]()
    for tenant in tenants:
        theirs = sums_by_payment(_book(provider, tenant, deadline))
        with store.read() as tx:
            ours = payment_book.ledger_sums(tx, tenant)
        keys = {**ours, **theirs}
        payments += len(keys)
        suspects = (key for key in keys if _differ(ours.get(key), theirs.get(key)))
        found = (_confirm(store, provider, tenant, key) for key in _in_time(suspects, deadline))
        differences += islice((each for each in found if each), MAX_DIFFERENCES - len(differences))
    return Comparison(payments, tuple(differences))


def all_tenants(store: Readable) -> list[str]:
    """Return the tenants that may have payments."""
    with store.read() as tx:
        return tenants_with_orders(tx)


def sums_by_payment(movements: Iterable[Movement]) -> dict[str, Sums]:
    """Add up movements by payment. A key that was voided before it authorised anything has no sums."""
    of_payment: dict[str, list[Movement]] = {}
    for each in movements:
        of_payment.setdefault(each.payment, []).append(each)
    return {key: sums for key, of_one in of_payment.items() if (sums := _add_up(of_one))}


def _add_up(movements: Sequence[Movement]) -> Sums | None:
    currency = next((each.amount.currency for each in movements if each.amount), None)
    if currency is None:
        return None
    try:
        sums = {kind: _sum_of(kind, movements, currency) for kind in MovementKind}
    except ValueError:
        raise ProviderUnavailableError("the provider's book has a payment in two currencies") from None
    captured = sums[MovementKind.CAPTURE]
    voided = any(each.kind is MovementKind.VOID for each in movements)
    is_open = not voided and not captured.minor
    return Sums(sums[MovementKind.AUTHORISE], captured, sums[MovementKind.REFUND], is_open)


def _sum_of(kind: MovementKind, movements: Sequence[Movement], currency: str) -> Money:
    return total((each.amount for each in movements if each.kind is kind and each.amount), currency)


def _book(provider: ListsMovements, tenant: str, deadline: Deadline) -> Iterator[Movement]:
    after = None
    while True:
        deadline.check()
        page = provider.movements(tenant, after)
        yield from page.movements
        if page.next is None:
            return
        after = page.next


def _in_time(keys: Iterable[str], deadline: Deadline) -> Iterator[str]:
    for key in keys:
        deadline.check()
        yield key


def _differ(ours: Sums | None, theirs: Sums | None) -> bool:
    if ours is None and theirs is not None:
        # An authorisation that was undone, and that we never knew of, leaves nothing behind.
        return theirs.open or bool(theirs.captured.minor)
    return ours != theirs


def _confirm(store: Readable, provider: ListsMovements, tenant: str, key: str) -> Difference | None:
    """Read both books of one payment again: meanwhile they may agree. Ours is read before and after."""
    before = _ours(store, tenant, key)
    theirs = sums_by_payment(provider.movements_of(tenant, key)).get(key)
    order, ours, has_ended, left_out = after = _ours(store, tenant, key)
    if has_ended and theirs is not None:
        # That an authorisation has ended by itself is no movement, so that a book may not list it.
        theirs = replace(theirs, open=False)
    if before != after or left_out or not _differ(ours, theirs):
        return None
    return Difference(order, key, ours, theirs)


def _ours(store: Readable, tenant: str, key: str) -> tuple[str | None, Sums | None, bool, bool]:
    """Return a payment's order, its sums in our ledger, whether it ended, and whether it is not to be compared."""
    with store.read() as tx:
        order = changes.order_of_key(tx, key)
        sums = payment_book.ledger_sums(tx, tenant, key).get(key)
        # A bank may list all its merchants' movements together: another tenant's payment does not concern this one.
        elsewhere = sums is None and payment_book.is_known(tx, key)
        in_progress = order is not None and payment_book.is_in_progress(tx, order)
        left_out = elsewhere or in_progress or payment_book.is_moving(tx, key)
        return order, sums, payment_book.has_ended(tx, key), left_out
