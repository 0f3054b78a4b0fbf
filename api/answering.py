"""How every façade answers a request: done, still running, or why it was refused."""

from api.asking import headers_of
from api.headers import Handling
from api.problems import of_outcome
from domain.changes import ChangeState
from store.changes import outcome_of
from store.tables import ChangeRow

RETRY_AFTER = {"Retry-After": "1"}


def heard(row: ChangeRow, asked: Handling, *, replayed: bool) -> tuple[int, dict[str, str]]:
    """Return status and headers: 200 for a change that is done, 202 with Location while it runs.

    Also 202 when the client asked for `respond-async`. Raises the problem it was refused or undone with.
    """
    outcome = outcome_of(row)
    headers = dict(headers_of(row, asked, replayed=replayed, last_event=outcome.order.last_event if outcome else None))
    wanted = replayed or asked.wait is not None
    if outcome and outcome.state is not ChangeState.DONE and wanted:
        problem = of_outcome(row.id, outcome)
        problem.headers = headers
        raise problem
    return (200, headers) if outcome and wanted else (202, headers | RETRY_AFTER)
