"""A subscriber receives every event, in order per order, at least once, whatever its endpoint answers."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NoReturn

from sqlmodel import select

from cli.faults.injection import Fault
from domain.webhooks import PAUSES
from runtime.outbox_relay import OutboxRelay
from store.database.connections import StoreBusyError
from store.tables import DeliveryRow
from temporal.names import StepName
from tests.support.canary import ADULT, find_canaries
from tests.support.webhook_receiver import receiving
from tests.support.webhook_subscriptions import Subscription, subscribed, wait_until
from tests.support.world import CARD, World, add

DAY = timedelta(days=1)


@contextmanager
def refusing_writes(world: World) -> Iterator[list[str]]:
    """Let the store refuse writes; the attempts are listed."""
    refused: list[str] = []
    usual = world.components.store.write

    def write() -> NoReturn:
        refused.append("write")
        raise StoreBusyError

    world.components.store.write = write  # type: ignore[method-assign] # broken on purpose
    try:
        yield refused
    finally:
        world.components.store.write = usual  # type: ignore[method-assign] # restored


async def test_every_event_of_an_order_is_posted_signed_in_order_and_equal_to_the_history(
    world: World,
) -> None:
    async with subscribed(world) as webhook:
        order = await world.sold(ADULT)
        assert (await world.upgrade(order)).status == 200
        assert (await world.confirm(order, CARD)).status == 200
        history = await webhook.wait_until_delivered(order)
        assert webhook.receiver.numbers(order) == [event["number"] for event in history]
        for event, post, payload in zip(history, webhook.receiver.posts, webhook.verified(), strict=True):
            assert post.id == f"evt_{order}_{event['number']}"
            assert (payload["type"], datetime.fromisoformat(payload["timestamp"])) == (
                event["type"],
                datetime.fromisoformat(event["at"]),
            )
            ours = {"order": order, "number": event["number"], "change": event["change"]}
            assert payload["data"] == event["data"] | ours
            assert not find_canaries(post.body.encode())
        assert (await webhook.show())["pending"] == 0
        assert await world.wait_for_end_of(webhook.run(order)) == "COMPLETED"


async def test_only_subscribed_event_types_are_posted(world: World) -> None:
    async with subscribed(world, "order_confirmed") as webhook:
        order = await world.sold(ADULT)
        await webhook.wait_until_delivered(order)
        assert [post.json["type"] for post in webhook.receiver.of(order)] == ["order_confirmed"]


async def test_an_event_that_is_not_accepted_is_posted_again_under_its_id_and_before_later_ones(world: World) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.statuses.extend([500, 503])
        order = await world.order()
        await webhook.wait_until_failed(order)
        shown = await webhook.show()
        assert (shown["last_failure"], shown["last_status"]) == ("BAD_STATUS", 500)
        assert shown["failing_since"]
        bundle = await world.offer("standard", ADULT, service=world.train())
        assert (await world.change(order, add(bundle, ADULT))).status == 200
        await webhook.skip(order, timedelta(seconds=10))
        await webhook.wait_until_failed(order, 2)
        await webhook.skip(order, timedelta(minutes=6))
        history = await webhook.wait_until_delivered(order)
        assert webhook.receiver.numbers(order) == [1, 1, *(event["number"] for event in history)]
        assert {post.id for post in webhook.receiver.of(order)[:3]} == {f"evt_{order}_1"}
        assert (await webhook.show())["failing_since"] is None
        assert await webhook.signals(order) == 1, "the later event has triggered an early attempt"


async def test_an_endpoint_that_is_down_for_days_is_disabled_and_receives_everything_once_it_is_enabled(
    world: World,
) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.default_status = 500
        order = await world.order()
        await webhook.wait_until_failed(order)
        await webhook.skip(order, sum(PAUSES[:-1], timedelta()))
        assert (await webhook.show())["enabled"]
        await webhook.skip(order, 2 * DAY)
        assert await world.wait_for_end_of(webhook.run(order)) == "COMPLETED"
        shown = await webhook.show()
        assert (shown["enabled"], shown["disabled_reason"], shown["pending"]) == (False, "GAVE_UP", 1)
        assert webhook.receiver.numbers(order) == [1] * (len(PAUSES) + 1)
        not_delivered = await world.order()
        webhook.receiver.default_status = 200
        assert (await webhook.patch(enabled=True))["disabled_reason"] is None
        await webhook.wait_until_delivered(order)
        assert webhook.receiver.numbers(order) == [1] * (len(PAUSES) + 2)
        assert webhook.receiver.of(not_delivered) == []


async def test_an_event_that_waits_for_its_next_attempt_is_posted_at_once_when_its_webhook_is_enabled(
    world: World,
) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.statuses.extend([500, 500])
        order = await world.order()
        await webhook.wait_until_retry_in_minutes(order)
        await webhook.patch(enabled=True)
        await webhook.wait_until_delivered(order)
        assert webhook.receiver.numbers(order) == [1, 1, 1]


async def test_410_disables_a_webhook_at_once_and_nothing_more_is_posted(world: World) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.default_status = 410
        order = await world.order()
        await wait_until(lambda: webhook.receiver.posts)
        assert await world.wait_for_end_of(webhook.run(order)) == "COMPLETED"
        assert (await webhook.show())["disabled_reason"] == "GONE"
        await world.order()
        pending = await world.send("GET", f"{webhook.path}/deliveries")
        assert [each["order"] for each in pending.body["deliveries"]] == [order]
        assert webhook.receiver.numbers(order) == [1]


async def test_a_redirect_is_not_followed(world: World) -> None:
    with receiving() as target:
        async with subscribed(world) as webhook:
            webhook.receiver.statuses.append(307)
            webhook.receiver.location = target.url
            order = await world.order()
            await webhook.wait_until_failed(order)
            assert (await webhook.show())["last_failure"] == "REDIRECTED"
        assert target.posts == []


async def test_an_endpoint_that_does_not_answer_delays_neither_orders_nor_other_webhooks(world: World) -> None:
    async with subscribed(world) as slow, subscribed(world) as fast:
        slow.receiver.open.clear()
        order = await world.sold(ADULT)
        history = await fast.wait_until_delivered(order)
        assert fast.receiver.numbers(order) == [event["number"] for event in history]
        assert slow.receiver.numbers(order) == [1]


async def test_an_event_whose_acceptance_could_not_be_recorded_is_posted_again_under_its_id(world: World) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.open.clear()
        order = await world.order()
        await wait_until(lambda: webhook.receiver.posts)
        with refusing_writes(world) as refused:
            webhook.receiver.open.set()
            await wait_until(lambda: refused)
        await webhook.wait_until_delivered(order)
        first, *again = webhook.receiver.of(order)
        assert again
        assert {post.id for post in again} == {first.id}


async def test_with_several_relays_each_event_is_posted_once_and_in_order(world: World) -> None:
    async with subscribed(world) as webhook:
        others = [OutboxRelay(world.client, world.components.store) for _ in range(3)]
        orders = await asyncio.gather(*(world.sold(ADULT) for _ in range(4)), *(each.poll_once() for each in others))
        for order in orders[:4]:
            assert isinstance(order, str)
            await asyncio.gather(*(each.poll_once() for each in others))
            history = await webhook.wait_until_delivered(order)
            assert webhook.receiver.numbers(order) == [event["number"] for event in history]


async def _was_signalled_twice(webhook: Subscription, order: str) -> bool:
    return await webhook.signals(order) > 1


async def test_an_event_that_occurs_while_a_run_is_about_to_end_is_posted_by_it(world: World) -> None:
    async with subscribed(world) as webhook:
        order = await world.order()
        await webhook.wait_until_delivered(order)
        last = world.faults.arm(order, StepName.DELIVER_NEXT_EVENT, Fault.PAUSED_AFTER)
        bundle = await world.offer("standard", ADULT, service=world.train())
        assert (await world.change(order, add(bundle, ADULT))).status == 200
        await asyncio.wait_for(last.reached.wait(), 20)
        assert (await world.discard(order)).status == 200
        await wait_until(lambda: _was_signalled_twice(webhook, order))
        last.go_on.set()
        history = await webhook.wait_until_delivered(order)
        assert webhook.receiver.numbers(order) == [event["number"] for event in history]


async def test_a_terminated_delivery_run_is_followed_by_another(world: World) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.statuses.append(500)
        order = await world.order()
        await webhook.wait_until_failed(order)
        await webhook.run(order).terminate("terminated by mistake")
        with world.clock_at(world.components.store.now() + timedelta(minutes=2)):
            await webhook.wait_until_delivered(order)
        assert webhook.receiver.numbers(order) == [1, 1]


async def test_nothing_is_left_of_a_deleted_webhook(world: World) -> None:
    async with subscribed(world) as webhook:
        webhook.receiver.default_status = 500
        order = await world.order()
        await webhook.wait_until_failed(order)
        assert (await world.send("DELETE", webhook.path)).status == 204
        assert (await world.send("GET", webhook.path)).code == "WEBHOOK_NOT_FOUND"
        await webhook.skip(order, timedelta(seconds=10))
        assert await world.wait_for_end_of(webhook.run(order)) == "COMPLETED"
        assert webhook.receiver.numbers(order) == [1]
    with world.components.store.read() as tx:
        assert tx.exec(select(DeliveryRow).where(DeliveryRow.webhook == webhook.id)).all() == []
