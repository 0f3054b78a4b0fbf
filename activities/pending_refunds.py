"""Looks again at refunds that a provider has accepted and not paid yet; one that failed is owed to the customer."""

import logging
from datetime import timedelta

from pydantic import BaseModel
from temporalio import activity

from activities.support.refund_answers import record_refund_state
from activities.support.step_context import StepContext
from domain.moves import MoveState
from providers.errors import ProviderError
from providers.protocols import Found
from store.orders import moves
from store.orders.orders import lock_order
from store.tables import MoveRow
from temporal.names import StepName

log = logging.getLogger(__name__)

MAX_REFUNDS = 1_000
"""Pending refunds that are looked at in one round, if there is time."""
MINUTES = 60
"""Each round begins elsewhere, by the minute of the hour: so each refund has its turn however many there are."""
LONGEST_LOOK = timedelta(seconds=20)
"""After so long a round asks no more; the next one follows in a minute."""


class PendingRefunds(BaseModel):
    """What a round has found."""

    paid: int = 0
    failed: int = 0


class PendingRefundActivities:
    """Asks the payment provider what became of pending refunds."""

    def __init__(self, context: StepContext) -> None:
        self._store = context.store
        self._provider = context.payments

    @activity.defn(name=StepName.CHECK_PENDING_REFUNDS, no_thread_cancel_exception=True)
    def check_pending_refunds(self) -> PendingRefunds:
        """Record every pending refund that was paid or has failed.

        A provider that is down is asked next time. It may be down for one tenant, whose account is closed or unknown.
        """
        with self._store.read() as tx:
            pending = moves.pending(tx, MAX_REFUNDS, self._store.now().minute, MINUTES)
        result, ends, down = PendingRefunds(), self._store.now() + LONGEST_LOOK, set[str]()
        for row in pending:
            if self._store.now() > ends:
                break
            if row.tenant in down:
                continue
            try:
                found = self._provider.find(row.tenant, row.key)
            except ProviderError as error:
                log.warning("pending refunds not looked at", extra={"code": type(error).__name__})
                down.add(row.tenant)
                continue
            state = self._record(row, found)
            result.paid += state == MoveState.DONE
            result.failed += state == MoveState.FAILED
        return result

    def _record(self, pending: MoveRow, found: Found) -> str:
        """Record what a pending refund has become; return its state."""
        with self._store.write() as tx:
            order = lock_order(tx, pending.order_number)
            row = moves.of_key(tx, pending.key)
            record_refund_state(tx, order, row, found, self._store.now())
            return row.state
