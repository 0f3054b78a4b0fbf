"""`check`: whether everything that must be true of the books is."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta

from rich.console import Group
from rich.markup import escape
from sqlalchemy.exc import OperationalError, ProgrammingError

from cli.exit_codes import Code
from cli.operators.output import Output
from store import invariants
from store.database.store import LoginSeesNoRowsError, Store

PATIENCE = timedelta(minutes=2)
"""Two rounds of the schedule: by then every request should have been taken up."""
MOST_SHOWN = 20
NO_DATABASE = "There are no books to check. Name them by CHANGEOVER_DATABASE, or migrate first."


def check(database: str, *, as_json: bool) -> Code:
    """Say what holds and what does not; return the exit code: 1 when anything does not, 2 without any books."""
    speaker = Output(as_json=as_json)
    store = Store(database)
    try:
        store.check()
        with store.read() as tx:
            found = list(invariants.violations(tx))
            late = invariants.overdue(tx, store.now() - PATIENCE)
    except LoginSeesNoRowsError as error:
        speaker.failure({"code": "LOGIN_SEES_NO_ROWS", "title": str(error)})
        return Code.UNKNOWN
    except (OperationalError, ProgrammingError):
        speaker.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        return Code.UNKNOWN
    finally:
        store.close()
    document = {"violations": [asdict(each) for each in found], "overdue": late}
    speaker.answer(document, Group(*_words(found, late)))
    return Code.NO if found or late else Code.DONE


def _words(found: Sequence[invariants.Violation], late: Sequence[str]) -> Iterator[str]:
    by_name = defaultdict(list)
    for each in found:
        by_name[each.invariant].append(each)
    for invariant in invariants.INVARIANTS:
        wrong = by_name[invariant.name]
        sign = f"[red]bad {len(wrong):3}[/red]" if wrong else "[green]ok[/green]     "
        yield f"{sign} {invariant.sentence}"
        for each in wrong[:MOST_SHOWN]:
            yield f"           order {each.order or '-'}: {escape(each.what)}"
    if late:
        yield f"[red]bad {len(late):3}[/red] Requests nobody has taken up: {', '.join(late[:MOST_SHOWN])}"
        yield "           Is a worker running, and the schedule `reconcile`?"
