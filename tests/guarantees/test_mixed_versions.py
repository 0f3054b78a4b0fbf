"""Two releases at once: an older worker never ignores a price limit or a refund decision; the request waits."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from cli.faults.injection import Fault
from store.tables import ChangeRow
from temporal.names import NEWER_WORKER_NEEDED, StepName
from tests.guarantees.test_recovery import reconcile, reconcile_until_done
from tests.support.canary import ADULT, GIVEN
from tests.support.phases import violations_of
from tests.support.two_releases import newer_release, older_workers
from tests.support.world import CARD, Answer, Json, World, replace

pytestmark = pytest.mark.faults

LIMITED: Json = {"at_most": "0.00", "confirm": True, "payment": CARD}
"""100.00 more than the dearer ticket of these tests may cost."""


@pytest.fixture(autouse=True)
def release() -> Iterator[None]:
    """The API is of the newer release, and so are the workers where a test says nothing else."""
    with newer_release():
        yield


async def upgrade(world: World, order: str, key: str, **more: object) -> Answer:
    """Ask for a dearer ticket on one train."""
    bundle = world.reusable_orders[key]
    if not bundle:
        bundle.append(await world.offer("flexible", ADULT, service=world.train()))
    return await world.change(order, replace([f"{order}-1"], bundle[0]), key=key, **more)


def row_of(world: World, change: str) -> ChangeRow:
    with world.components.store.read() as tx:
        return tx.get_one(ChangeRow, change)


def waits(world: World, change: str) -> bool:
    """Whether nothing at all has been done for a request, and it says why."""
    row = row_of(world, change)
    ours = (row.state, row.outcome, row.claimed_at, row.plan, row.dispatch_error, row.needs)
    return ours == ("waiting", None, None, None, NEWER_WORKER_NEEDED, 2)


async def test_an_older_worker_never_ignores_a_price_limit(world: World) -> None:
    order = await world.sold(ADULT)
    before, key = world.snapshot(order), f"limit-{order}"
    with older_workers():
        answer = await upgrade(world, order, key, **LIMITED)
        assert (answer.status, answer.code) == (503, NEWER_WORKER_NEEDED)
        assert int(answer.headers["Retry-After"]) > 0
        assert waits(world, answer.change)
        assert world.snapshot(order) == before
        again = await upgrade(world, order, key, **LIMITED)
        assert (again.status, again.change) == (503, answer.change)
        # An older API shows the request as well.
        shown = (await world.send("GET", f"/v1/changes/{answer.change}")).body
        assert (shown["state"], shown["dispatch_error"]) == ("waiting", NEWER_WORKER_NEEDED)
    refused = await upgrade(world, order, key, **LIMITED)
    assert (refused.status, refused.code, refused.body["change"]) == (409, "PRICE_ABOVE_LIMIT", answer.change)
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


@pytest.mark.parametrize("refunded", [True, False])
async def test_an_older_worker_never_ignores_a_refund_decision_and_a_newer_one_carries_it_out_once(
    world: World, *, refunded: bool
) -> None:
    order = await world.sold(ADULT, product="flexible")
    bundle = await world.offer("standard", ADULT, service=world.train())
    request: Json = {"refund_price_difference": refunded, "confirm": True}
    before, key = world.snapshot(order), f"refund-{order}"
    with older_workers():
        kept = await world.change(order, replace([f"{order}-1"], bundle), key=key, **request)
        assert (kept.status, kept.code) == (503, NEWER_WORKER_NEEDED)
        assert world.snapshot(order) == before
    answers = [await world.change(order, replace([f"{order}-1"], bundle), key=key, **request) for _ in range(2)]
    assert [(each.status, each.change) for each in answers] == [(200, kept.change)] * 2
    shown = await world.show(order)
    assert (shown["paid"], shown["balance"]) == ("299.00" if refunded else "349.00", "0.00")
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


async def test_a_newer_worker_beside_the_older_one_takes_the_request_at_once(world: World) -> None:
    order = await world.sold(ADULT)
    with older_workers():
        sent = asyncio.create_task(
            upgrade(world, order, f"beside-{order}", at_most="100.00", confirm=True, payment=CARD)
        )
        async with asyncio.timeout(20):
            while NEWER_WORKER_NEEDED not in [row.dispatch_error for row in world.changes_of(order)]:  # noqa: ASYNC110 - only the row shows it
                await asyncio.sleep(0.02)
    assert (await sent).status == 200
    assert (await world.show(order))["paid"] == "399.00"
    assert world.at_most_once(order)


async def test_only_a_reconciliation_of_the_newer_release_starts_the_request(world: World) -> None:
    order = await world.sold(ADULT)
    with older_workers():
        kept = await upgrade(world, order, f"started-{order}", at_most="100.00", confirm=True, payment=CARD)
        world.backdate(kept.change)
        run = (await world.workflow(order).describe()).run_id
        for _ in range(3):
            await reconcile(world)
        # The older release starts no run that could do nothing.
        assert (await world.workflow(order).describe()).run_id == run
        assert waits(world, kept.change)
    assert await reconcile_until_done(world, kept.change) == "done"
    assert (await world.show(order))["paid"] == "399.00"
    assert world.at_most_once(order)


async def test_in_an_open_draft_the_request_waits_without_its_turn_until_a_newer_worker_comes(world: World) -> None:
    order, _ = await world.open_draft()
    line = (await world.lines(order))[0]
    bundle = await world.offer("standard", ADULT, service=world.train())
    with older_workers():
        accepted = await world.change(order, replace([line], bundle), at_most="0.00", Prefer="wait=1")
        assert accepted.status == 202
        async with asyncio.timeout(20):
            while await looks_for_newer_worker(world, order) == 0:  # noqa: ASYNC110 - only the history shows it
                await asyncio.sleep(0.05)
        # Other requests do not wait behind it.
        assert (await world.pay(order, "50.00")).status == 200
        assert waits(world, accepted.change)
        assert await looks_for_newer_worker(world, order) == 1
    assert await world.wait_for_outcome(accepted.change) == "done"
    assert (await world.discard(order)).status == 200
    assert violations_of(world, order) == []


async def test_two_requests_wait_in_a_run_and_a_third_is_answered_503(world: World) -> None:
    order, before = await world.open_draft()
    until = (world.components.store.now() + timedelta(hours=1)).isoformat()

    with older_workers():
        kept = [await limited(world, order, f"{number}-{order}", wait) for number, wait in enumerate((1, 1, 20))]
        assert [each.status for each in kept] == [202, 202, 503]
        assert all(waits(world, each.change) for each in kept)
        # The run still has room for the requests of others.
        assert (await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": until})).status == 200
    for each in kept[:2]:
        await world.wait_for_outcome(each.change)
    again = await limited(world, order, f"2-{order}", 20)
    assert again.change == kept[2].change
    assert await world.wait_for_outcome(again.change) == "done"
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before
    assert violations_of(world, order) == []


async def limited(world: World, order: str, key: str, wait: int) -> Answer:
    """Correct a traveller, if that costs nothing."""
    details = {"id": ADULT, "given_name": GIVEN}
    correction = {"op": "set_travellers", "travellers": [details]}
    return await world.change(order, correction, key=key, at_most="0.00", Prefer=f"wait={wait}")


async def looks_for_newer_worker(world: World, order: str) -> int:
    """Return how often the order's run has begun to look for a newer worker; retries record no event."""
    events = (await world.workflow(order).fetch_history()).events
    scheduled = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    return scheduled.count(StepName.CHECK_FORMAT)


async def test_a_draft_ends_although_a_request_waits_for_a_newer_worker(world: World) -> None:
    order, before = await world.open_draft()
    with older_workers():
        accepted = await world.change(
            order, replace(await world.lines(order), await world.offer("standard", ADULT, service=world.train())),
            at_most="0.00", Prefer="wait=1",
        )  # fmt: skip
        assert accepted.status == 202
        assert (await world.discard(order, Prefer="wait=20")).status == 200
        assert await world.wait_for_end(order) == "COMPLETED"
        assert world.snapshot(order) == before
        assert waits(world, accepted.change)
    world.backdate(accepted.change)
    # Its line went with the draft: the newer release refuses it, and nothing is left open.
    assert await reconcile_until_done(world, accepted.change) == "refused"
    assert world.snapshot(order) == before


@pytest.mark.parametrize("step", [StepName.QUOTE_CHANGE, StepName.SWAP_OFFER_BUNDLE, StepName.CONFIRM_SEATS])
async def test_what_a_newer_worker_has_begun_is_finished_by_none_but_a_newer_one(world: World, step: str) -> None:
    order = await world.sold(ADULT)
    world.faults.break_groups(order)
    armed = world.faults.arm(order, step, Fault.PAUSED)
    sent = asyncio.create_task(
        upgrade(world, order, f"begun-{order}-{step}", at_most="100.00", confirm=True, payment=CARD)
    )
    await asyncio.wait_for(armed.reached.wait(), 20)
    before = world.snapshot(order)
    with older_workers():
        armed.go_on.set()
        async with asyncio.timeout(20):
            while step not in await scheduled_on_queue(world, order):  # noqa: ASYNC110 - only the history shows it
                await asyncio.sleep(0.05)
        assert world.snapshot(order) == before
    answer = await sent
    assert await world.wait_for_outcome(answer.change) == "done"
    assert (await world.show(order))["paid"] == "399.00"
    assert world.at_most_once(order)
    assert violations_of(world, order) == []


async def scheduled_on_queue(world: World, order: str) -> list[str]:
    """Return the activities that the order's run has put on a task queue, where any worker may take them."""
    events = (await world.workflow(order).fetch_history()).events
    attributes = [event.activity_task_scheduled_event_attributes for event in events]
    return [each.activity_type.name for each in attributes if each.activity_type.name]


async def test_an_unknown_member_of_a_known_format_is_read_as_absent(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    async with world.without_temporal() as offline:
        kept = await offline.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD)
    change = str(kept.body["change"])
    with world.components.store.write() as tx:
        row = tx.get_one(ChangeRow, change)
        assert row.request.count('"offer_bundle_id"') == 1
        row.request = row.request.replace('"offer_bundle_id"', '"later":[1],"offer_bundle_id"').replace(
            '{"kind"', '{"even_later":{"a":1},"kind"'
        )
    world.backdate(change)
    assert await reconcile_until_done(world, change) == "done"
    assert (await world.show(order))["paid"] == "399.00"


@pytest.mark.parametrize("unknown", [{"even_later": 1}, {"at_mostly": "1.00"}])
async def test_a_client_s_request_with_an_unknown_member_is_still_refused(world: World, unknown: Json) -> None:
    order = await world.sold(ADULT)
    answer = await world.change(order, replace([f"{order}-1"], "b"), **unknown)
    assert (answer.status, answer.code) == (422, "MEMBER_INVALID")


async def test_an_older_release_does_not_resume_what_a_newer_one_has_begun(world: World) -> None:
    order = await world.sold(ADULT)
    world.faults.break_groups(order)
    armed = world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.PAUSED)
    limit: Json = {"at_most": "100.00", "confirm": True, "payment": CARD}
    accepted = await upgrade(world, order, f"resumed-{order}", **limit, Prefer="respond-async")
    await asyncio.wait_for(armed.reached.wait(), 20)
    begun = world.snapshot(order)
    await world.workflow(order).terminate("terminated by mistake")
    world.backdate(accepted.change)
    with older_workers():
        armed.go_on.set()
        for _ in range(3):
            await reconcile(world)
        assert await world.wait_for_end(order) == "TERMINATED"
        assert world.snapshot(order) == begun
    assert await reconcile_until_done(world, accepted.change) == "done"
    assert (await world.show(order))["paid"] == "399.00"
    assert world.at_most_once(order)
    assert violations_of(world, order) == []
