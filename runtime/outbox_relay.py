"""The outbox relay: polls the store for pending events, and starts or signals the workflows that deliver them."""

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

MAX_ORDERS = 100
"""Orders handed over in one poll; the next poll follows shortly."""
RETENTION = timedelta(days=30)
"""How long the store keeps a delivery, counted from its creation."""
DELETE_EVERY = timedelta(hours=1)
_HANDOVER_TIMEOUT = timedelta(seconds=10)


class OutboxRelay:
    """Hands pending orders over to workflows. Several relays may run at once: an order has one run per webhook."""

    def __init__(self, client: Client, store: Store) -> None:
        self._client = client
        self._store = store
        self._deleted_at = store.now() - DELETE_EVERY

    async def run_forever(self, every: timedelta) -> None:
        """Poll until cancelled. After any error the next poll finds the same pending events again."""
        while True:
            try:
                await self.poll_once()
            except Exception as error:  # noqa: BLE001 - an outage of the store or of Temporal must not end the relay
                log.warning("outbox relay failed: %s", type(error).__name__)
            await asyncio.sleep(every.total_seconds())

    async def poll_once(self) -> int:
        """Hand over at most MAX_ORDERS pending orders; return how many. Raises the first error after all were tried."""
        pending = await asyncio.to_thread(self._find_pending)
        async with asyncio.timeout(_HANDOVER_TIMEOUT.total_seconds()):
            # An order that cannot be handed over does not delay the others.
            results = await asyncio.gather(*(self._hand_over(order) for order in pending), return_exceptions=True)
        for error in filter(None, results):
            raise error
        return len(pending)

    async def _hand_over(self, pending: PendingOrder) -> None:
        await self._start(pending)
        await asyncio.to_thread(self._mark_handed_over, pending)

    def _find_pending(self) -> list[PendingOrder]:
        now = self._store.now()
        if now - self._deleted_at >= DELETE_EVERY:
            with self._store.write() as tx:
                outbox.forget_before(tx, now - RETENTION)
            self._deleted_at = now
        with self._store.read() as tx:
            return outbox.pending(tx, now, MAX_ORDERS)

    async def _start(self, pending: PendingOrder) -> None:
        """Start the order's run or signal the running one, atomically, so that no event is missed when a run ends."""
        host = httpx2.URL(pending.url).host
        await self._client.start_workflow(
            DeliverEvents.run,
            StartDelivery(webhook=pending.webhook, order=pending.order, host=host),
            id=delivery_id(pending.webhook, pending.order),
            task_queue=WEBHOOKS_QUEUE,
            start_signal=DELIVER_NOW,
            static_summary=f"Events of order {pending.order} for {host}",
            search_attributes=TypedSearchAttributes([SearchAttributePair(ORDER_NUMBER, pending.order)]),
        )

    def _mark_handed_over(self, pending: PendingOrder) -> None:
        with self._store.write() as tx:
            outbox.mark_handed_over(tx, pending.webhook, pending.order, self._store.now())
