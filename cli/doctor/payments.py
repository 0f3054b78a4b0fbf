"""Checks the external payment provider: whether it answers, and whether its book agrees with our ledger."""

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from cli import payment_book
from cli.doctor.findings import Finding, bad, note, ok
from cli.doctor.target import Target
from store.database.connections import database_url, is_sqlite

MAX_SHOWN = 20
_FIX = "docs/operations.md#the-books-differ"


def examine(target: Target) -> Iterator[Finding]:
    """Compare the books; nothing to find if payments are embedded, or if our database cannot be read."""
    url = database_url(target.database)
    if is_sqlite(url) and not Path(url.database or "").exists():
        return
    try:
        read = payment_book.compare(target)
    except SQLAlchemyError:
        return
    if read is None:
        return
    if read.comparison is None:
        yield bad(read.reason or "", "start it, or check its settings") if read.failed else note(read.reason or "", "")
        return
    if not read.comparison.differences:
        yield ok(f"the payment provider's book agrees with our ledger: {read.comparison.payments} payments")
    for each in read.comparison.differences[:MAX_SHOWN]:
        yield bad(f"order {each.order or '-'}: {each.sentence}", _FIX)
