"""Looks for events owed to webhooks that nobody delivers, and starts who does."""

import asyncio
import logging
from datetime import timedelta

import httpx2
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from store.database.store import Store
from store.webhooks import outbox
from store.webhooks.outbox import PendingOrder
from temporal.names import DELIVER_NOW, WEBHOOKS_QUEUE, delivery_id
from temporal.search_attributes import ORDER_NUMBER
from workflows.deliver_events import DeliverEvents, StartDelivery

log = logging.getLogger(__name__)

MOST = 100
"""Orders handed over in one look; the next one comes in a moment."""
KEPT = timedelta(days=30)
"""How long it is remembered what became of an event."""
FORGET_EVERY = timedelta(hours=1)
_HANDING_OVER = timedelta(seconds=10)


class OutboxRelay:
    """Hands what is owed over to workflows. Any number may do so at once: an order has one run for each webhook."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self._forgot = store.now() - FORGET_EVERY

    async def run_forever(self, every: timedelta) -> None:
        """Look, for ever. Whatever goes wrong, what is owed is found at the next look."""
        while True:
            try:
                await self.poll_once()
            except Exception as error:  # noqa: BLE001 - neither store nor Temporal being away may end it
                log.warning("events owed to webhooks could not be handed over: %s", type(error).__name__)
            await asyncio.sleep(every.total_seconds())

    async def poll_once(self) -> int:
        """Look once; return how many orders were handed over."""
        found = await asyncio.to_thread(self._heads)
        async with asyncio.timeout(_HANDING_OVER.total_seconds()):
            # One that cannot be handed over keeps none of the others waiting.
            said = await asyncio.gather(*(self._hand_over(head) for head in found), return_exceptions=True)
        for wrong in filter(None, said):
            raise wrong
        return len(found)

    async def _hand_over(self, head: PendingOrder) -> None:
        await self._start(head)
        await asyncio.to_thread(self._handed_over, head)

    def _heads(self) -> list[PendingOrder]:
        now = self._store.now()
        if now - self._forgot >= FORGET_EVERY:
            with self._store.write() as tx:
                outbox.forget_before(tx, now - KEPT)
            self._forgot = now
        with self._store.read() as tx:
            return outbox.pending(tx, now, MOST)

    async def _start(self, head: PendingOrder) -> None:
        """Start the order's run, or tell the one there is to look: one or the other, whenever it ends."""
        host = httpx2.URL(head.url).host
        await self._client.start_workflow(
            DeliverEvents.run,
            StartDelivery(webhook=head.webhook, order=head.order, host=host),
            id=delivery_id(head.webhook, head.order),
            task_queue=WEBHOOKS_QUEUE,
            start_signal=DELIVER_NOW,
            static_summary=f"Events of order {head.order} for {host}",
            search_attributes=TypedSearchAttributes([SearchAttributePair(ORDER_NUMBER, head.order)]),
        )

    def _handed_over(self, head: PendingOrder) -> None:
        with self._store.write() as tx:
            outbox.mark_handed_over(tx, head.webhook, head.order, self._store.now())
