"""Compares our ledger with the book of the external payment provider, for `check`, `doctor` and `demo`."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from cli import demo_bank
from cli.doctor.target import Target
from providers.errors import ProviderUnavailableError
from providers.loader import ProviderSettingError, closing_provider, load_provider
from providers.payment_comparison import Comparison, all_tenants, book_of, compare_books
from providers.protocols import PaymentProvider
from store.database.store import Store

_NOT_LISTED = "The payment provider does not list its movements, so its book is not compared."
_NOT_RUNNING = "The demo bank is not running, so its book is not compared: start `changeover up`."


@dataclass(frozen=True)
class BooksRead:
    """The comparison, or why there is none."""

    comparison: Comparison | None
    reason: str | None = None
    failed: bool = False
    """Whether the provider should have answered."""


def compare(target: Target) -> BooksRead | None:
    """Compare the books of an installation; None if payments are embedded, which the invariants compare."""
    try:
        with _provider(target) as provider:
            return compare_with(target.database, provider) if provider else _without(target)
    except ProviderSettingError as error:
        return BooksRead(None, str(error), failed=True)


def compare_with(database: str, provider: PaymentProvider) -> BooksRead:
    """Compare the ledger in a database with a provider's book."""
    book = book_of(provider)
    if book is None:
        return BooksRead(None, _NOT_LISTED)
    store = Store(database)
    try:
        return BooksRead(compare_books(store, book, all_tenants(store)))
    except ProviderUnavailableError as error:
        return BooksRead(None, f"The payment provider does not answer, so its book is not compared: {error}", True)
    finally:
        store.close()


def _without(target: Target) -> BooksRead | None:
    has_book = not target.own_database and (target.data / demo_bank.BOOK).exists()
    return BooksRead(None, _NOT_RUNNING) if has_book else None


@contextmanager
def _provider(target: Target) -> Iterator[PaymentProvider | None]:
    """Yield the external payment provider: the demo bank of the running `up`, or that of the settings."""
    if target.demo_bank:
        with closing(demo_bank.connect(target.demo_bank)) as bank:
            yield bank
        return
    provider = load_provider(PaymentProvider, "PAYMENTS", target.settings.payments)
    with closing_provider(provider):
        yield provider
