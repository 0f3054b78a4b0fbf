"""The event stream of a change sends each event once, in order and as it happens, and then the outcome."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from api.auth.authenticator import AuthSettings
from api.context import ApiContext
from api.services.change_stream import POLL_INTERVAL
from api.settings import WatchSettings
from api.workflow_client import OrderWorkflowClient
from cli.faults.injection import Armed, Fault
from temporal.names import StepName
from tests.support.auth import PEPPER, AuthenticatedWorld
from tests.support.canary import ADULT, find_canaries
from tests.support.installation import Served, serve_api
from tests.support.stuck_orders import wait_until_between_attempts
from tests.support.world import CARD, DECLINED, TENANT, Json, World
from tests.support.world import replace as replace_lines
from workflows.saga import step_runner

SOON = timedelta(seconds=0.5)
WITHOUT_NUMBER = ("step", "ended")


@dataclass
class Received:
    """What a client received on the stream of a change."""

    messages: list[httpx2.ServerSentEvent] = field(default_factory=list)

    @property
    def events(self) -> list[Json]:
        """The events of the order, in the order of their arrival."""
        return [json.loads(each.data) for each in self.messages if each.event not in WITHOUT_NUMBER]

    @property
    def numbers(self) -> list[int]:
        """Their numbers, with which a client resumes the stream."""
        return [int(each.id) for each in self.messages if each.event not in WITHOUT_NUMBER]

    def of(self, event: str) -> list[Json]:
        """Return the data of all messages with one name."""
        return [json.loads(each.data) for each in self.messages if each.event == event]


async def follow(world: World, change: str, after: int | None = None, until: str = "ended") -> Received:
    """Follow a change until a message of the given name, or to the end of the stream, then disconnect."""
    received = Received()
    headers = {"Last-Event-ID": str(after)} if after is not None else {}
    async with asyncio.timeout(30), world.http.sse(path(change), headers=headers) as stream:
        async for each in stream:
            received.messages.append(each)
            if each.event == until:
                break
    return received


def path(change: str) -> str:
    return f"/v1/changes/{change}/events"


async def start_and_hold(world: World, step: str, fault: Fault = Fault.PAUSED) -> tuple[str, str, Armed]:
    """Return an order, its change that has reached a step, and the fault that holds it there."""
    order = await world.sold(ADULT)
    armed = world.faults.arm(order, step, fault)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    operation = replace_lines([f"{order}-1"], bundle)
    change = (await world.change(order, operation, confirm=True, payment=CARD, Prefer="respond-async")).change
    async with asyncio.timeout(20):
        await armed.reached.wait()
    return order, change, armed


async def history(world: World, order: str, *changes: str | None) -> list[Json]:
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    # A stream does not say who sent the change.
    sent = [{name: each for name, each in event.items() if name not in ("client", "reason")} for event in events]
    return [event for event in sent if event["change"] in changes]


async def test_a_stream_sends_the_events_of_the_history_and_ends_with_the_outcome(world: World) -> None:
    order, change, armed = await start_and_hold(world, StepName.AUTHORISE_PAYMENT)
    following = asyncio.create_task(follow(world, change))
    armed.go_on.set()
    received = await following
    assert received.events == await history(world, order, change)
    assert received.numbers == [event["number"] for event in received.events]
    assert received.events[-1]["type"] == "order_confirmed"
    assert {"step": StepName.SETTLE_PRICE_DIFFERENCE, "state": "done", "refused": False} in received.of("step")
    assert received.messages[-1].event == "ended"
    assert received.of("ended") == [{"change": change, "state": "done", "code": None}]
    assert not find_canaries("".join(each.data for each in received.messages).encode())


async def test_an_event_is_sent_within_half_a_second(world: World) -> None:
    _, change, armed = await start_and_hold(world, StepName.SWAP_OFFER_BUNDLE)
    async with asyncio.timeout(20), world.http.sse(path(change)) as stream:
        messages = aiter(stream)
        message = await anext(messages)
        armed.go_on.set()
        while message.event != "order_changed":
            message = await anext(messages)
        happened = datetime.fromisoformat(json.loads(message.data)["at"])
        assert world.components.store.now() - happened < SOON


async def test_a_stream_resumed_after_any_event_continues_without_gap_or_duplicate(world: World) -> None:
    order, change, armed = await start_and_hold(world, StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED_AFTER)
    first = await follow(world, change, until="order_changed")
    armed.go_on.set()
    rest = await follow(world, change, after=first.numbers[-1])
    own = [event["number"] for event in await history(world, order, change)]
    assert first.numbers + rest.numbers == own
    for after in (0, *own):
        again = await follow(world, change, after)
        assert again.numbers == [number for number in own if number > after]
        assert again.messages[-1].event == "ended"


async def test_two_clients_that_follow_a_change_receive_the_same_events(world: World) -> None:
    order, change, armed = await start_and_hold(world, StepName.CONFIRM_SEATS)
    both = [asyncio.create_task(follow(world, change)) for _ in range(2)]
    armed.go_on.set()
    one, other = await asyncio.gather(*both)
    assert one.events == other.events == await history(world, order, change)
    assert one.of("ended") == other.of("ended")


async def test_the_stream_of_a_change_refused_as_a_whole_ends_with_the_reason_and_no_event(world: World) -> None:
    order = await world.sold(ADULT)
    refused = await world.upgrade(order, confirm=True, payment=DECLINED)
    received = await follow(world, refused.change)
    assert received.of("ended") == [{"change": refused.change, "state": "refused", "code": "PAYMENT_REFUSED"}]
    checks = (StepName.PLAN_CHANGE, StepName.VALIDATE_TRAVELLERS, StepName.QUOTE_CHANGE)
    assert received.of("step") == [
        *({"step": check, "state": "done", "refused": False} for check in checks),
        {"step": StepName.AUTHORISE_PAYMENT, "state": "done", "refused": True},
    ]
    assert received.events == []


async def test_clients_see_the_steps_of_a_group_that_was_withdrawn_and_not_the_withdrawal(world: World) -> None:
    order = await world.sold(ADULT)
    world.faults.break_groups(order)
    change = (await world.upgrade(order)).change
    received = await follow(world, change)
    shown = (await world.send("GET", f"/v1/changes/{change}")).body["steps"]
    for steps in (received.of("step"), shown):
        assert {each["step"] for each in steps} <= set(StepName)
    await world.discard(order)


async def test_the_stream_of_an_undone_change_ends_with_the_reason(world: World) -> None:
    order = await world.sold(ADULT)
    world.faults.break_groups(order)
    refused = await world.upgrade(order, confirm=True, payment=DECLINED)
    received = await follow(world, refused.change)
    assert received.of("ended") == [{"change": refused.change, "state": "refused", "code": "PAYMENT_REFUSED"}]
    assert {"step": StepName.RESERVE_SEATS, "state": "withdrawn", "refused": False} in received.of("step")
    assert {"step": StepName.AUTHORISE_PAYMENT, "state": "withdrawn", "refused": True} in received.of("step")
    assert [event["type"] for event in received.events] == ["order_changed", "change_undone"]


async def test_the_stream_of_a_discard_reports_that_the_draft_is_gone(world: World) -> None:
    order, _ = await world.open_draft()
    answer = await world.send("DELETE", f"/v1/orders/{order}/draft", Prefer="respond-async")
    received = await follow(world, answer.change)
    assert [event["type"] for event in received.events] == ["draft_discarded"]
    assert received.events == (await history(world, order, None))[-1:]


async def test_a_stream_reports_that_an_operator_is_needed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    order, change, armed = await start_and_hold(world, StepName.SETTLE_PRICE_DIFFERENCE, Fault.DOWN)
    called = await follow(world, change, until="needs_attention")
    assert called.events[-1]["data"]["step"] == StepName.SETTLE_PRICE_DIFFERENCE
    await wait_until_between_attempts(world, order)
    armed.fault = Fault.LOST
    reason = {"reason": "the bank is back"}
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", reason)).status == 204
    rest = await follow(world, change, after=called.numbers[-1])
    assert "retry_requested" in [event["type"] for event in rest.events]
    assert rest.of("ended")[0]["state"] == "done"


@pytest.mark.only_on("sqlite")  # a matter of the route
async def test_a_stream_that_cannot_be_opened_is_answered_with_a_problem(world: World) -> None:
    order = await world.sold(ADULT)
    (_, change) = [row.id for row in world.changes_of(order)]
    for unknown in ("0" * 36, "no-such-change"):
        answer = await world.send("GET", path(unknown))
        assert (answer.status, answer.code) == (404, "CHANGE_NOT_FOUND")
    for malformed in ("", "x", "-1", "1.5", "9" * 16):
        answer = await world.send("GET", path(change), Last_Event_ID=malformed)
        assert (answer.status, answer.code) == (400, "HEADER_INVALID"), malformed
    answer = await world.send("GET", path(change), Accept="application/json")
    assert (answer.status, answer.code) == (406, "NOT_ACCEPTABLE")


@asynccontextmanager
async def another_api(world: World, settings: WatchSettings, **more: Any) -> AsyncIterator[tuple[World, Served]]:
    """Run another API on the same store, with its own streams."""
    components = world.components
    ctx = ApiContext(
        components.store,
        components.offers,
        components.inventory,
        OrderWorkflowClient(world.client),
        TENANT,
        watching=settings,
        **more,
    )
    async with serve_api(ctx) as served:
        yield replace(world, http=served.http), served


@pytest.mark.only_on("sqlite")  # a matter of the process
async def test_streams_are_limited_and_a_client_that_disconnects_frees_its_slot(world: World) -> None:
    _, change, armed = await start_and_hold(world, StepName.CONFIRM_SEATS, Fault.HELD)
    async with another_api(world, WatchSettings(max_streams=1)) as (here, _):
        async with here.http.sse(path(change)) as stream:
            messages = aiter(stream)
            await anext(messages)
            assert stream.response.headers["cache-control"] == "no-cache"
            assert stream.response.headers["x-accel-buffering"] == "no"
            full = await here.send("GET", path(change))
            assert (full.status, full.code, full.headers["retry-after"]) == (503, "TOO_MANY_WATCHERS", "5")
        async with asyncio.timeout(5):
            while not await has_free_slot(here, change):  # noqa: ASYNC110 - a disconnect is noticed after a moment
                await asyncio.sleep(0.02)
    armed.go_on.set()
    assert await world.wait_for_outcome(change) == "done"


@pytest.mark.only_on("sqlite")  # likewise
async def test_a_client_that_disconnects_during_a_message_is_no_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    _, change, armed = await start_and_hold(world, StepName.CONFIRM_SEATS, Fault.HELD)
    async with another_api(world, WatchSettings()) as (here, _):
        for _ in range(3):
            await follow(here, change, until="step")
    armed.go_on.set()
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_stream_ends_when_its_clients_key_is_revoked_and_not_before(world: World) -> None:
    _, change, armed = await start_and_hold(world, StepName.CONFIRM_SEATS, Fault.HELD)
    client = AuthenticatedWorld(world).client()
    always_checked = WatchSettings(reauthenticate_every=timedelta(0))
    async with another_api(world, always_checked, auth=AuthSettings(PEPPER)) as (here, _):
        here.http.headers["Authorization"] = f"Bearer {client.key.text}"
        async with asyncio.timeout(20), here.http.sse(path(change)) as stream:
            messages = aiter(stream)
            await anext(messages)
            # The API polls several times, checks the key each time, and continues.
            await asyncio.sleep(5 * POLL_INTERVAL.total_seconds())
            client.revoke()
            names = [each.event async for each in messages]
        assert "ended" not in names
    armed.go_on.set()
    assert await world.wait_for_outcome(change) == "done"


@pytest.mark.only_on("sqlite")  # likewise
async def test_a_client_leaves_stream_slots_to_other_clients(world: World) -> None:
    _, change, armed = await start_and_hold(world, StepName.CONFIRM_SEATS, Fault.HELD)
    one, other = AuthenticatedWorld(world).client(), AuthenticatedWorld(world).client()
    async with another_api(world, WatchSettings(per_client=1), auth=AuthSettings(PEPPER)) as (here, _):
        own_headers, other_headers = [{"Authorization": f"Bearer {each.key.text}"} for each in (one, other)]
        async with asyncio.timeout(20), here.http.sse(path(change), headers=own_headers) as stream:
            messages = aiter(stream)
            await anext(messages)
            again = await here.send("GET", path(change), **own_headers)
            assert (again.status, again.code) == (503, "TOO_MANY_WATCHERS")
            async with here.http.sse(path(change), headers=other_headers) as beside:
                assert beside.response.status_code == 200
    armed.go_on.set()
    assert await world.wait_for_outcome(change) == "done"


async def has_free_slot(world: World, change: str) -> bool:
    async with world.http.stream("GET", path(change)) as answer:
        return answer.status_code == httpx2.codes.OK


@pytest.mark.only_on("sqlite")  # likewise
@pytest.mark.parametrize("ends", ["its lifetime is over", "the process stops"])
async def test_a_stream_that_ends_early_is_resumed_elsewhere(world: World, ends: str) -> None:
    order, change, armed = await start_and_hold(world, StepName.CONFIRM_SEATS, Fault.HELD)
    lifetime = timedelta(seconds=0.3) if ends == "its lifetime is over" else timedelta(minutes=15)
    async with another_api(world, WatchSettings(life=lifetime)) as (here, served):
        following = asyncio.create_task(follow(here, change, until="never"))
        if ends == "the process stops":
            while not served.server.server_state.tasks:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.01)
            served.server.should_exit = True
        cut = await asyncio.wait_for(following, 10)
    assert cut.of("ended") == []
    armed.go_on.set()
    rest = await follow(world, change, after=max(cut.numbers, default=0))
    assert cut.events + rest.events == await history(world, order, change)
