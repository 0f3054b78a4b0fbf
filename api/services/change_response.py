"""Builds the status and headers of a change's response: done, still running, or refused."""

from collections.abc import Mapping

from api.errors.problems import of_outcome
from api.http.request_headers import RequestOptions
from domain.changes import ChangeState
from store.changes.changes import outcome_of
from store.tables import ChangeRow

RETRY_AFTER = {"Retry-After": "1"}


def to_http(row: ChangeRow, options: RequestOptions, *, replayed: bool) -> tuple[int, dict[str, str]]:
    """Return status and headers: 200 for a change that is done, 202 with Location while it runs.

    With `respond-async` a first response is always 202. Raise the problem of a refused or undone change.
    """
    outcome = outcome_of(row)
    headers = dict(
        change_headers(row, options, replayed=replayed, last_event=outcome.order.last_event if outcome else None)
    )
    shows_outcome = replayed or options.wait is not None
    if outcome and outcome.state is not ChangeState.DONE and shows_outcome:
        problem = of_outcome(row.id, outcome)
        problem.headers = headers
        raise problem
    return (200, headers) if outcome and shows_outcome else (202, headers | RETRY_AFTER)


def change_headers(
    row: ChangeRow, options: RequestOptions, *, replayed: bool, last_event: int | None
) -> Mapping[str, str]:
    """Return the headers of a response about a change."""
    headers = {"Location": f"/v1/changes/{row.id}"}
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    if last_event is not None:
        headers["ETag"] = f'"e{last_event}"'
    if options.wait is None:
        headers["Preference-Applied"] = "respond-async"
    return headers
