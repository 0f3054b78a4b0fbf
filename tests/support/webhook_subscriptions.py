"""A webhook for the length of a test: tenants share an installation, and each would hear of all."""

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
    """A webhook, and who receives."""

    world: World
    receiver: Receiver
    id: str
    secret: str

    @property
    def path(self) -> str:
        """Where it is in the API."""
        return f"/v1/webhooks/{self.id}"

    async def show(self) -> Json:
        """Return it as the API shows it."""
        return (await self.world.send("GET", self.path)).body

    async def patch(self, **wanted: Any) -> Json:
        """Change it."""
        return (await self.world.send("PATCH", self.path, wanted)).body

    def run(self, order: str) -> WorkflowHandle[DeliverEvents, Any]:
        """Return the run that delivers an order's events."""
        return self.world.client.get_workflow_handle_for(DeliverEvents.run, delivery_id(self.id, order))

    async def skip(self, order: str, by: timedelta) -> None:
        """Let time pass for an order's deliveries."""
        await TimeSkipper(self.world.client).fast_forward(self.run(order), by)

    async def events(self, order: str) -> list[Json]:
        """Return the order's history."""
        events: list[Json] = (await self.world.send("GET", f"/v1/orders/{order}/history")).body["events"]
        return events

    async def wait_until_delivered(self, order: str) -> list[Json]:
        """Wait until the whole history of an order was taken, and return it."""
        await wait_until(lambda: _waits_for(self, order, 0))
        return await self.events(order)

    async def wait_until_failed(self, order: str, attempts: int = 1) -> None:
        """Wait until so many attempts at an order's event have failed."""
        await wait_until(lambda: _waits_for(self, order, attempts))

    async def wait_until_retry_in_minutes(self, order: str) -> None:
        """Let an order's event fail twice: it is tried again in minutes only."""
        await self.wait_until_failed(order)
        await self.skip(order, timedelta(seconds=10))
        await self.wait_until_failed(order, 2)

    async def signals(self, order: str) -> int:
        """Return how often an order's run was told to look, its start included."""
        history = await self.run(order).fetch_history()
        return sum(event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED for event in history.events)

    def verified(self) -> list[Json]:
        """Return what came, each verified as a receiver would."""
        return [Webhook(self.secret).verify(post.body, dict(post.headers)) for post in self.receiver.posts]


async def _waits_for(subscribed: Subscription, order: str, attempts: int) -> bool:
    answer = await subscribed.world.send("GET", f"{subscribed.path}/deliveries")
    mine = [each for each in answer.body["deliveries"] if each["order"] == order]
    if attempts:
        return any(each["attempts"] == attempts and not each["delivered_at"] for each in mine)
    return bool(mine) and all(each["delivered_at"] for each in mine)


async def wait_until(condition: Callable[[], Any]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(40):
        while True:
            so = condition()
            if await so if asyncio.iscoroutine(so) else so:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def subscribed(world: World, *types: str) -> AsyncIterator[Subscription]:
    """Subscribe a receiver of its own to every event, or to some types."""
    with receiving() as receiver:
        answer = await world.post("/v1/webhooks", {"url": receiver.url, "types": list(types) or None})
        assert answer.status == 201, answer.body
        made = Subscription(world, receiver, answer.body["id"], answer.body["secret"])
        try:
            yield made
        finally:
            receiver.open.set()
            await world.send("DELETE", made.path)
