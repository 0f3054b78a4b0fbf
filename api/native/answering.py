"""How an answer about a change is given: its outcome, or where to look for it."""

from fastapi.responses import JSONResponse, Response

from api.asking import headers_of
from api.headers import Handling
from api.native.changes_schema import change_out
from api.problems import of_outcome, response
from domain.changes import ChangeState
from store.changes import outcome_of
from store.tables import ChangeRow

RETRY_AFTER = {"Retry-After": "1"}


def answer(row: ChangeRow, asked: Handling, *, replayed: bool) -> Response:
    """Return 200 for a change that is done, its problem when it was refused or undone, 202 while it runs.

    Without an outcome, or when the client asked for `respond-async`, the answer is 202 with Location.
    """
    outcome = outcome_of(row)
    headers = dict(headers_of(row, asked, replayed=replayed, last_event=outcome.order.last_event if outcome else None))
    if outcome and outcome.state is not ChangeState.DONE and (replayed or asked.wait is not None):
        problem = of_outcome(row.id, outcome)
        problem.headers = headers
        return response(problem)
    body = change_out(row).model_dump(mode="json")
    if outcome is None or (asked.wait is None and not replayed):
        return JSONResponse(body, 202, headers | RETRY_AFTER)
    return JSONResponse(body, 200, headers)
