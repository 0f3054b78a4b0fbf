"""Limits how often one order may be changed per hour. Requests that end a draft are never limited."""

import math
from datetime import timedelta

from sqlmodel import Session

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.changes import ChangeKind
from store.changes import changes
from store.tables import ChangeRow

COUNTED_KINDS = (ChangeKind.CHANGE, ChangeKind.EXTEND)
"""Only these kinds are limited: an order can always be confirmed, paid and discarded."""
WINDOW = timedelta(hours=1)


def check_order_change_rate(tx: Session, ctx: ApiContext, fresh: ChangeRow) -> None:
    """Count a newly recorded request for an existing order. Raise ORDER_CHANGED_TOO_OFTEN.

    The error rolls the recorded request back, so neither a refused request nor a repeated key counts.
    Concurrent transactions do not see each other's rows, so the limit may be exceeded by a few requests.
    """
    if fresh.kind not in COUNTED_KINDS or fresh.order_number is None:
        return
    oldest_counted = changes.find_request_time(tx, fresh, COUNTED_KINDS, ctx.changes_per_hour)
    wait = oldest_counted + WINDOW - fresh.created_at if oldest_counted else timedelta()
    if wait > timedelta():
        raise ProblemError("ORDER_CHANGED_TOO_OFTEN", headers={"Retry-After": str(math.ceil(wait.total_seconds()))})
