"""`check`: runs all consistency checks on a database."""

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

START_LIMIT = timedelta(minutes=2)
"""Two rounds of the schedule: by then a workflow should have started every request."""
MAX_SHOWN = 20
NO_DATABASE = "There is no database with our schema. Set CHANGEOVER_DATABASE, or run `changeover migrate` first."


def check(database: str, *, as_json: bool) -> Code:
    """Print the result of each check; return exit code 1 on violations, 2 if there is no database."""
    output = Output(as_json=as_json)
    store = Store(database)
    try:
        store.check()
        with store.read() as tx:
            violations = list(invariants.violations(tx))
            late = invariants.overdue(tx, store.now() - START_LIMIT)
    except LoginSeesNoRowsError as error:
        output.failure({"code": "LOGIN_SEES_NO_ROWS", "title": str(error)})
        return Code.UNKNOWN
    except (OperationalError, ProgrammingError):
        output.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        return Code.UNKNOWN
    finally:
        store.close()
    document = {"violations": [asdict(each) for each in violations], "overdue": late}
    output.answer(document, Group(*_lines(violations, late)))
    return Code.NO if violations or late else Code.DONE


def _lines(violations: Sequence[invariants.Violation], late: Sequence[str]) -> Iterator[str]:
    by_name = defaultdict(list)
    for each in violations:
        by_name[each.invariant].append(each)
    for invariant in invariants.INVARIANTS:
        wrong = by_name[invariant.name]
        sign = f"[red]bad {len(wrong):3}[/red]" if wrong else "[green]ok[/green]     "
        yield f"{sign} {invariant.sentence}"
        for each in wrong[:MAX_SHOWN]:
            yield f"           order {each.order or '-'}: {escape(each.what)}"
    if late:
        yield f"[red]bad {len(late):3}[/red] Requests not started: {', '.join(late[:MAX_SHOWN])}"
        yield "           Is a worker running, and the schedule `reconcile`?"
