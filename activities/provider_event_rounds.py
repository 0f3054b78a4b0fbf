"""Submits again the events of providers that are not served: their orders were unknown, or a request has failed."""

import asyncio
import logging

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import RPCError
from temporalio.service import RPCStatusCode

from activities.reconciliation import HANDOVER_TIMEOUT, MAX_ORDERS
from store.changes import provider_events
from store.database.store import Store
from temporal.messages import RequestInput
from temporal.names import PROVIDER_EVENT, StepName, draft_id

log = logging.getLogger(__name__)


class SubmittedEvents(BaseModel):
    """What a round has done."""

    handed_over: int = 0
    """Events that got a new request."""
    submitted: int = 0
    """Requests that a running workflow has accepted."""


class ProviderEventActivities:
    """Looks after the inbox of events of providers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @activity.defn(name=StepName.SUBMIT_PROVIDER_EVENTS)
    async def submit_provider_events(self) -> SubmittedEvents:
        """Make new requests for events that wait for one, and submit those that no workflow has accepted.

        It submits to running workflows only: the round starts one for every other order with a request.
        """
        handed_over = await asyncio.to_thread(self._hand_over)
        submitted = sum([await self._submit(order, change) for order, change in await asyncio.to_thread(self._read)])
        return SubmittedEvents(handed_over=handed_over, submitted=submitted)

    def _hand_over(self) -> int:
        now = self._store.now()
        with self._store.write() as tx:
            waiting = provider_events.to_hand_over(tx, now, MAX_ORDERS)
            return sum(provider_events.hand_over(tx, row, now) for row in waiting)

    def _read(self) -> list[tuple[str, str]]:
        with self._store.read() as tx:
            return provider_events.to_submit(tx, self._store.now() - HANDOVER_TIMEOUT, MAX_ORDERS)

    async def _submit(self, order: str, change: str) -> bool:
        workflow = activity.client().get_workflow_handle(draft_id(order))
        try:
            await workflow.signal(PROVIDER_EVENT, RequestInput(change=change))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                log.warning("provider event not submitted", extra={"order": order, "change": change})
            return False
        await asyncio.to_thread(self._record_submitted, change)
        return True

    def _record_submitted(self, change: str) -> None:
        with self._store.write() as tx:
            provider_events.record_submitted(tx, change, self._store.now())
