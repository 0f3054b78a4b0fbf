"""Stories of events for a webhook: delivered, retried, retried at once, given up, and for a deleted endpoint."""

from datetime import timedelta

from domain.webhooks import PAUSES
from tests.recordings.story import Run, Story
from tests.support.canary import ADULT
from tests.support.webhook_subscriptions import Subscription, subscribed, wait_until
from tests.support.world import World


async def _failed_once(webhook: Subscription) -> str:
    """Return an order whose first event has failed once and waits for its next attempt."""
    webhook.receiver.statuses.append(500)
    order = await webhook.world.order()
    await webhook.wait_until_failed(order)
    return order


async def _delivered(world: World) -> Run:
    async with subscribed(world) as webhook:
        order = await world.sold(ADULT)
        await webhook.wait_until_delivered(order)
        return webhook.run(order)


async def _retried(world: World) -> Run:
    async with subscribed(world) as webhook:
        order = await _failed_once(webhook)
        await webhook.skip(order, timedelta(seconds=10))
        await webhook.wait_until_delivered(order)
        return webhook.run(order)


async def _retried_at_once(world: World) -> Run:
    async with subscribed(world) as webhook:
        order = await _failed_once(webhook)
        await webhook.patch(enabled=True)
        await webhook.wait_until_delivered(order)
        return webhook.run(order)


async def _waiting(world: World) -> Run:
    async with subscribed(world) as webhook:
        return webhook.run(await _failed_once(webhook))


async def _given_up(world: World) -> Run:
    async with subscribed(world) as webhook:
        webhook.receiver.default_status = 503
        order = await _failed_once(webhook)
        await webhook.skip(order, 2 * sum(PAUSES, timedelta()))
        await world.wait_for_end_of(webhook.run(order))
        return webhook.run(order)


async def _gone(world: World) -> Run:
    async with subscribed(world) as webhook:
        webhook.receiver.default_status = 410
        order = await world.order()
        await wait_until(lambda: webhook.receiver.posts)
        await world.wait_for_end_of(webhook.run(order))
        return webhook.run(order)


STORIES: dict[str, Story] = {
    "events-delivered": Story(_delivered),
    "event-retried": Story(_retried),
    "event-retried-at-once": Story(_retried_at_once),
    "event-waiting-for-its-next-attempt": Story(_waiting, left_open=True),
    "event-given-up": Story(_given_up),
    "event-for-a-webhook-that-is-gone": Story(_gone),
}
