"""`check`: whether everything that must be true of the books is."""

from collections import defaultdict
from datetime import timedelta

from rich.console import Console
from sqlalchemy.exc import OperationalError, ProgrammingError

from store import invariants
from store.database import Store

PATIENCE = timedelta(minutes=2)
"""Two rounds of the schedule: by then every request should have been taken up."""
MOST_SHOWN = 20


def check(database: str) -> int:
    """Print what holds and what does not; return the exit code: 1 when anything does not, 2 without any books."""
    console = Console(highlight=False)
    store = Store(database)
    try:
        with store.read() as tx:
            found = list(invariants.violations(tx))
            late = invariants.overdue(tx, store.now() - PATIENCE)
    except (OperationalError, ProgrammingError):
        console.print("[red]There are no books to check.[/red] Name them by CHANGEOVER_DATABASE, or migrate first.")
        return 2
    finally:
        store.close()
    by_name = defaultdict(list)
    for each in found:
        by_name[each.invariant].append(each)
    for invariant in invariants.INVARIANTS:
        wrong = by_name[invariant.name]
        sign = f"[red]bad {len(wrong):3}[/red]" if wrong else "[green]ok[/green]     "
        console.print(f"{sign} {invariant.sentence}")
        for each in wrong[:MOST_SHOWN]:
            console.print(f"           order {each.order or '-'}: {each.what}")
    if late:
        console.print(f"[red]bad {len(late):3}[/red] Requests nobody has taken up: {', '.join(late[:MOST_SHOWN])}")
        console.print("           Is a worker running, and the schedule `reconcile`?")
    return 1 if found or late else 0
