"""`check`: runs all consistency checks on a database, and compares it with the books of external providers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from rich.console import Group
from rich.markup import escape
from sqlalchemy.exc import OperationalError, ProgrammingError

from cli import payment_book, seat_book
from cli.doctor.target import Target
from cli.exit_codes import Code
from cli.operators.output import Output
from cli.payment_book import BooksRead
from cli.seat_book import SeatBookRead
from providers import payment_comparison, seat_comparison
from store import invariants
from store.database.store import LoginSeesNoRowsError, Store

START_LIMIT = timedelta(minutes=2)
"""Two rounds of the schedule: by then a workflow should have started every request."""
MAX_SHOWN = 20
NO_DATABASE = "There is no database with our schema. Set CHANGEOVER_DATABASE, or run `changeover migrate` first."


def check(target: Target, *, as_json: bool) -> Code:
    """Print the result of each check; return exit code 1 on violations, 2 if something that is needed is missing."""
    output = Output(as_json=as_json)
    store = Store(target.database)
    try:
        store.check()
        with store.read() as tx:
            violations = list(invariants.violations(tx))
            late = invariants.overdue(tx, store.now() - START_LIMIT)
        read, seats = payment_book.compare(target), seat_book.compare(target)
    except LoginSeesNoRowsError as error:
        output.failure({"code": "LOGIN_SEES_NO_ROWS", "title": str(error)})
        return Code.UNKNOWN
    except (OperationalError, ProgrammingError):
        output.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        return Code.UNKNOWN
    finally:
        store.close()
    violations += [*_differences(read), *_seat_differences(seats)]
    document = {"violations": [asdict(each) for each in violations], "overdue": late, "books": _describe(read)}
    document |= {"seats": {"compared": seats.reason is None, "reason": seats.reason} if seats else None}
    shown = (*_lines(violations, late), *_book_lines(violations, read), *_seat_lines(violations, seats))
    output.answer(document, Group(*shown))
    if violations or late:
        return Code.NO
    return Code.UNKNOWN if any(each and each.failed for each in (read, seats)) else Code.DONE


def _differences(read: BooksRead | None) -> list[invariants.Violation]:
    found = read.comparison.differences if read and read.comparison else ()
    return [invariants.Violation(payment_comparison.NAME, each.order, each.sentence) for each in found]


def _seat_differences(seats: SeatBookRead | None) -> list[invariants.Violation]:
    found = (seats.differences or ()) if seats else ()
    return [invariants.Violation(seat_comparison.NAME, each.order, each.sentence) for each in found]


def _seat_lines(violations: Sequence[invariants.Violation], seats: SeatBookRead | None) -> Iterator[str]:
    if seats is None:
        return
    if seats.reason is not None:
        yield f"[yellow]?[/yellow]      {escape(seats.reason)}"
        return
    wrong = [each for each in violations if each.invariant == seat_comparison.NAME]
    yield from _result(seat_comparison.SENTENCE, wrong)


def _describe(read: BooksRead | None) -> dict[str, Any] | None:
    if read is None:
        return None
    return {"compared": read.comparison.payments if read.comparison else None, "reason": read.reason}


def _book_lines(violations: Sequence[invariants.Violation], read: BooksRead | None) -> Iterator[str]:
    if read is None:
        return
    if read.comparison is None:
        yield f"[yellow]?[/yellow]      {escape(read.reason or '')}"
        return
    wrong = [each for each in violations if each.invariant == payment_comparison.NAME]
    yield from _result(f"{payment_comparison.SENTENCE} Compared: {read.comparison.payments}.", wrong)


def _lines(violations: Sequence[invariants.Violation], late: Sequence[str]) -> Iterator[str]:
    by_name = defaultdict(list)
    for each in violations:
        by_name[each.invariant].append(each)
    for invariant in invariants.INVARIANTS:
        yield from _result(invariant.sentence, by_name[invariant.name])
    if late:
        yield f"[red]bad {len(late):3}[/red] Requests not started: {', '.join(late[:MAX_SHOWN])}"
        yield "           Is a worker running, and the schedule `reconcile`?"


def _result(sentence: str, wrong: Sequence[invariants.Violation]) -> Iterator[str]:
    sign = f"[red]bad {len(wrong):3}[/red]" if wrong else "[green]ok[/green]     "
    yield f"{sign} {sentence}"
    for each in wrong[:MAX_SHOWN]:
        yield f"           order {each.order or '-'}: {escape(each.what)}"
