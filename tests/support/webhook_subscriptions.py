"""A webhook subscription that lasts one test: tests share an installation, and a webhook gets every test's events."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from standardwebhooks import Webhook
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import TimeSkipper

from temporal.names import delivery_id
from tests.support.webhook_receiver import Receiver, receiving
from tests.support.world import Json, World
from workflows.deliver_events import DeliverEvents


@dataclass
class Subscription:
    """A webhook and its receiver."""

    world: World
    receiver: Receiver
    id: str
    secret: str

    @property
    def path(self) -> str:
        """The webhook's path in the API."""
        return f"/v1/webhooks/{self.id}"

    async def show(self) -> Json:
        """Return the webhook as the API shows it."""
        return (await self.world.send("GET", self.path)).body

    async def patch(self, **members: Any) -> Json:
        """Change these members of the webhook."""
        return (await self.world.send("PATCH", self.path, members)).body

    def run(self, order: str) -> WorkflowHandle[DeliverEvents, Any]:
        """Return the workflow that delivers an order's events."""
        return self.world.client.get_workflow_handle_for(DeliverEvents.run, delivery_id(self.id, order))

    async def skip(self, order: str, by: timedelta) -> None:
        """Skip time for an order's deliveries."""
        await TimeSkipper(self.world.client).fast_forward(self.run(order), by)

    async def events(self, order: str) -> list[Json]:
        """Return the order's history."""
        events: list[Json] = (await self.world.send("GET", f"/v1/orders/{order}/history")).body["events"]
        return events

    async def wait_until_delivered(self, order: str) -> list[Json]:
        """Wait until the receiver has accepted every event of an order, and return them."""
        await wait_until(lambda: _has_deliveries(self, order, 0))
        return await self.events(order)

    async def wait_until_failed(self, order: str, attempts: int = 1) -> None:
        """Wait until this many attempts to deliver an event of the order have failed."""
        await wait_until(lambda: _has_deliveries(self, order, attempts))

    async def wait_until_retry_in_minutes(self, order: str) -> None:
        """Let the delivery of an order's event fail twice: the next attempt is minutes away."""
        await self.wait_until_failed(order)
        await self.skip(order, timedelta(seconds=10))
        await self.wait_until_failed(order, 2)

    async def signals(self, order: str) -> int:
        """Return how many signals an order's delivery workflow got, including the one that started it."""
        history = await self.run(order).fetch_history()
        return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED for event in history.events)

    def verified(self) -> list[Json]:
        """Return the messages received, each verified as a receiver would."""
        return [Webhook(self.secret).verify(post.body, dict(post.headers)) for post in self.receiver.posts]


async def _has_deliveries(subscribed: Subscription, order: str, attempts: int) -> bool:
    answer = await subscribed.world.send("GET", f"{subscribed.path}/deliveries")
    deliveries = [each for each in answer.body["deliveries"] if each["order"] == order]
    if attempts:
        return any(each["attempts"] == attempts and not each["delivered_at"] for each in deliveries)
    return bool(deliveries) and all(each["delivered_at"] for each in deliveries)


async def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until a condition, or a coroutine that it returns, is true; at most 40 seconds."""
    async with asyncio.timeout(40):
        while True:
            result = condition()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def subscribed(world: World, *types: str) -> AsyncIterator[Subscription]:
    """Subscribe a new receiver to every event, or to these event types, until the block ends."""
    with receiving() as receiver:
        answer = await world.post("/v1/webhooks", {"url": receiver.url, "types": list(types) or None})
        assert answer.status == 201, answer.body
        subscription = Subscription(world, receiver, answer.body["id"], answer.body["secret"])
        try:
            yield subscription
        finally:
            receiver.open.set()
            await world.send("DELETE", subscription.path)
