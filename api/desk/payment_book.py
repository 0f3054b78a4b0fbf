"""Reads an external payment provider's own book: of one order for its page, and all of it for the attention page."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from api.context import ApiContext
from providers import payment_comparison
from providers.book_deadline import BookTooLongError, Deadline
from providers.errors import ProviderUnavailableError
from providers.payment_comparison import NAME, compare_books, sums_by_payment
from providers.protocols import ListsMovements
from store.invariants import Violation
from store.orders.orders import find
from store.views import provider_comparison
from store.views.payment_book import Sums

BOOK_TIMEOUT = timedelta(seconds=3)
"""How long a page waits for a book."""

T = TypeVar("T")


@dataclass(frozen=True)
class BookOfOrder:
    """The sums of an order's payments in the provider's book, by key."""

    sums: Mapping[str, Sums] | None
    """None if there is no book to read, or it could not be read."""
    unread: bool = False
    """Whether the provider did not answer, or not in time."""


async def book_of(ctx: ApiContext, number: str) -> BookOfOrder:
    """Read the book for one order."""
    book = payment_comparison.book_of(ctx.payments)
    if book is None:
        return BookOfOrder(None)
    sums = await _in_time(lambda: _read(ctx, book, number))
    return BookOfOrder(sums, unread=sums is None)


async def differences(ctx: ApiContext) -> list[Violation] | None:
    """Return the payments of visible orders that differ; None if the book could not be read in time.

    As for other violations, one without an order is shown without authentication only.
    """
    book = payment_comparison.book_of(ctx.payments)
    if book is None:
        return []
    return await _in_time(lambda: _compare(ctx, book))


async def _in_time(read: Callable[[], T]) -> T | None:
    try:
        # A thread of its own: this page does not wait longer for it, whatever the provider does.
        return await asyncio.wait_for(asyncio.to_thread(read), BOOK_TIMEOUT.total_seconds())
    except (TimeoutError, BookTooLongError, ProviderUnavailableError):
        return None


def _read(ctx: ApiContext, book: ListsMovements, number: str) -> Mapping[str, Sums]:
    with ctx.store.read() as tx:
        order_row = find(tx, number)
        keys = provider_comparison.payments(tx, order_row) if order_row else {}
    return sums_by_payment(each for key in keys for each in book.movements_of(ctx.tenant, key))


def _compare(ctx: ApiContext, book: ListsMovements) -> list[Violation]:
    found = compare_books(ctx.store, book, [ctx.tenant], Deadline(BOOK_TIMEOUT)).differences
    with ctx.store.read() as tx:
        shown = [each for each in found if (find(tx, each.order) if each.order else not ctx.client)]
    return [Violation(NAME, each.order, each.sentence) for each in shown]
