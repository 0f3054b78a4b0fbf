"""How often one order may be asked to change: what ends a draft is never counted, so that no order is stuck."""

import math
from datetime import timedelta

from sqlmodel import Session

from api.context import ApiContext
from api.errors.problems import ProblemError
from domain.changes import ChangeKind
from store.changes import changes
from store.tables import ChangeRow

COUNTED_KINDS = (ChangeKind.CHANGE, ChangeKind.EXTEND)
"""Confirming, paying and discarding are always possible."""
WINDOW = timedelta(hours=1)


def check_order_change_rate(tx: Session, ctx: ApiContext, fresh: ChangeRow) -> None:
    """Count a request that has just been written down for an order that was there before.

    Raises ORDER_CHANGED_TOO_OFTEN, which takes it back: what is refused counts no more than a repeated key does.
    Requests that arrive in the same moment may not see each other, and be one too many.
    """
    if fresh.kind not in COUNTED_KINDS or fresh.order_number is None:
        return
    asked_at = changes.find_request_time(tx, fresh, COUNTED_KINDS, ctx.changes_per_hour)
    wait = asked_at + WINDOW - fresh.created_at if asked_at else timedelta()
    if wait > timedelta():
        raise ProblemError("ORDER_CHANGED_TOO_OFTEN", headers={"Retry-After": str(math.ceil(wait.total_seconds()))})
