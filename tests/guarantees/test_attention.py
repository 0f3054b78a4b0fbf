"""A step that must not be abandoned is retried until it is done, and operators see it."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.support.registry import by_name
from activities.support.step_kinds import LOCAL_ATTEMPTS, Final, Pivot
from api.services import needs_attention
from cli.faults.injection import Fault
from domain.access import TenantAccess
from store.tables import OrderRow
from store.views.order_list import visible_among
from temporal.names import StepName
from tests.support.auth import with_authentication
from tests.support.canary import ADULT
from tests.support.commands import run
from tests.support.scenarios import DATABASES, SCENARIOS, Scenario, undo_matrix
from tests.support.stuck_orders import start_stuck_change, wait_until_between_attempts, wait_until_stuck
from tests.support.world import CARD, TENANT, Json, World, replace
from workflows.order_draft import OrderDraft
from workflows.saga import step_runner

STUCK = pytest.mark.parametrize("step", [StepName.RELEASE_SEATS, StepName.SETTLE_PRICE_DIFFERENCE])
BANK_IS_BACK = {"reason": "the bank is back"}


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call an operator after three seconds instead of thirty; a first failure is recorded within that time."""
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=3))


async def events_of(world: World, order: str, kind: str) -> list[Json]:
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    return [event["data"] for event in events if event["type"] == kind]


@STUCK
async def test_a_stuck_step_is_shown_and_new_requests_are_refused_at_once(world: World, step: str) -> None:
    order, request, armed = await start_stuck_change(world, step)
    shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
    assert shown is not None
    assert (shown.step, shown.code) == (step, "INJECTED")
    attributes = (await world.workflow(order).describe()).typed_search_attributes
    found = {pair.key.name: pair.value for pair in attributes}
    assert (found["NeedsAttention"], found["StuckStep"]) == (True, step)
    refused = await world.confirm(order, CARD)
    assert (refused.status, refused.code) == (409, "ORDER_NEEDS_ATTENTION")
    change = [row for row in world.changes_of(order) if row.outcome is None]
    assert (await world.send("GET", f"/v1/changes/{change[0].id}")).body["state"] == "needs_attention"
    armed.fault = Fault.LOST
    await world.workflow(order).execute_update("retry_now", {"reason": "it is back"})
    assert (await request).status == (200 if step == StepName.SETTLE_PRICE_DIFFERENCE else 409)
    attributes = (await world.workflow(order).describe()).typed_search_attributes
    assert {pair.key.name: pair.value for pair in attributes}["NeedsAttention"] is False
    assert world.at_most_once(order)


async def test_an_operator_sees_through_the_api_what_is_unsettled_and_has_the_step_retried(world: World) -> None:
    order, request, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    shown = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    (change,) = [row.id for row in world.changes_of(order) if row.outcome is None]
    assert (shown["order"], shown["request"], shown["kind"]) == (order, change, "change")
    assert (shown["step"], shown["code"]) == (StepName.SETTLE_PRICE_DIFFERENCE, "INJECTED")
    (seat,) = [each for each in (await world.show(order))["reservations"] if each["state"] == "held"]
    held = f"seat {seat['seat']} on {seat['service']} held"
    assert shown["unsettled"] == [held, "1 new line on the order", "100.00 NOK authorised"]
    async with asyncio.timeout(20):
        while order not in [each["order"] for each in (await list_attention(world))["stuck"]]:  # noqa: ASYNC110 - Temporal's list lags behind for a moment
            await asyncio.sleep(0.05)
    armed.fault = Fault.LOST
    answer = await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)
    assert (answer.status, (await request).status) == (204, 200)
    (called,) = await events_of(world, order, "needs_attention")
    assert (called["step"], called["code"]) == (StepName.SETTLE_PRICE_DIFFERENCE, "INJECTED")
    (tried,) = await events_of(world, order, "retry_requested")
    assert (tried["step"], tried["reason"]) == (StepName.SETTLE_PRICE_DIFFERENCE, "the bank is back")
    gone = await world.send("GET", f"/v1/orders/{order}/attention")
    assert (gone.status, gone.code) == (409, "NOTHING_STUCK")


@STUCK
async def test_a_stuck_step_is_recorded_since_its_first_failure_with_its_attempts_and_its_next_try(
    world: World, step: str
) -> None:
    order, request, armed = await start_stuck_change(world, step, rest=timedelta(milliseconds=300))
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    (event,) = [each for each in events if each["type"] == "needs_attention"]
    since, reported = (datetime.fromisoformat(each) for each in (event["data"]["since"], event["at"]))
    assert reported - since > timedelta(seconds=2)
    assert (event["data"]["code"], event["data"]["by_hand"]) == ("INJECTED", False)
    assert event["data"]["attempts"] >= 3
    async with asyncio.timeout(20):
        fired = armed.fired
        while not (shown := await attention_of(world, order))["next_at"]:
            await asyncio.sleep(0.05)
            fired = armed.fired
    assert datetime.fromisoformat(shown["since"]) == since
    # One that was under way when operators were called gave no answer to count. Attempts go on while we look.
    assert event["data"]["attempts"] < shown["attempts"] <= armed.fired
    assert fired <= shown["attempts"] + 1
    assert datetime.fromisoformat(shown["next_at"]) > reported
    armed.fault = Fault.LOST
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)
    await request


async def attention_of(world: World, order: str) -> Json:
    return (await world.send("GET", f"/v1/orders/{order}/attention")).body


async def test_the_attempts_of_a_final_step_include_those_within_the_workflows_task(world: World) -> None:
    order, request, armed = await start_stuck_change(world, StepName.CONFIRM_ORDER)
    (case,) = await events_of(world, order, "needs_attention")
    assert case["attempts"] > LOCAL_ATTEMPTS
    assert (await world.send("GET", f"/v1/orders/{order}/attention")).body["attempts"] == armed.fired
    armed.fault = Fault.LOST
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)
    assert (await request).status == 200


async def test_requests_answer_that_a_stuck_step_of_another_change_needs_attention(world: World) -> None:
    order = await world.sold(ADULT)
    paused = world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.PAUSED)
    first = await world.upgrade(order, confirm=True, payment=CARD, Prefer="respond-async")
    await asyncio.wait_for(paused.reached.wait(), 20)
    await world.workflow(order).terminate("by mistake")
    world.faults.clear()
    armed = world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.DOWN)
    # The next request has its turn, but what the terminated run left comes first, and is stuck.
    second = await world.post(f"/v1/orders/{order}/confirm", {}, Prefer="respond-async")
    await wait_until_stuck(world, order, armed)
    for change in (first.change, second.change):
        assert (await world.send("GET", f"/v1/changes/{change}")).body["state"] == "needs_attention"
    third = await world.confirm(order, CARD)
    assert (third.status, third.code) == (409, "ORDER_NEEDS_ATTENTION")
    armed.fault = Fault.LOST
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    assert await world.wait_for_outcome(first.change) == "done"
    await world.wait_for_outcome(second.change)


async def test_stuck_orders_of_other_channels_hide_none_of_a_clients_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs_attention, "MAX_ORDERS", 1)
    async with with_authentication(world) as authenticated:
        kiosk, app = (authenticated.client(channel=f"WAY:{name}").world for name in ("Kiosk", "App"))
        stuck = [await start_stuck_change(each, StepName.RELEASE_SEATS) for each in (kiosk, app, app)]
        async with asyncio.timeout(20):
            while not (await list_attention(app))["stuck"]:  # noqa: ASYNC110 - Temporal's list lags behind for a moment
                await asyncio.sleep(0.05)
        # Temporal lists the latest run first.
        assert [each["order"] for each in (await list_attention(kiosk))["stuck"]] == [stuck[0][0]]
        for _, request, armed in stuck:
            armed.fault = Fault.LOST
            request.cancel()
        for order, *_ in stuck:
            await world.workflow(order).execute_update("retry_now", {"reason": "it is back"})
            await world.wait_for_end(order)


async def test_only_visible_orders_are_listed(world: World) -> None:
    visible, abandoned = await world.order(), await world.order()
    with world.components.store.write() as tx:
        tx.get_one(OrderRow, abandoned).abandoned = True
    with world.components.store.for_tenant(TenantAccess(TENANT)).read() as scoped:
        assert visible_among(scoped, [visible, abandoned]) == [visible]


async def list_attention(world: World) -> Json:
    answer = await world.send("GET", "/v1/attention")
    assert answer.status == 200, answer.body
    return answer.body


async def test_an_operator_action_sent_twice_under_one_key_happens_once(world: World) -> None:
    order, request, armed = await start_stuck_change(world, StepName.RELEASE_SEATS)
    path, key, before = (
        f"/v1/orders/{order}/attention/retry-now",
        "retry-once",
        await wait_until_between_attempts(world, order),
    )
    for _ in range(2):
        assert (await world.post(path, BANK_IS_BACK, key)).status == 204
    assert len(await events_of(world, order, "retry_requested")) == 1
    await wait_until_between_attempts(world, order, before)
    armed.fault = Fault.LOST
    assert (await world.post(path, BANK_IS_BACK)).status == 204
    assert (await request).status == 409
    assert len(await events_of(world, order, "retry_requested")) == 2


async def test_a_stuck_step_is_retried_though_the_operators_case_could_not_be_recorded(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    recording = world.faults.arm(order, StepName.RECORD_ATTENTION, Fault.DOWN)
    armed = world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.DOWN)
    call = world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD, Prefer="wait=30")
    request = asyncio.create_task(call)
    await wait_until_stuck(world, order, armed)
    shown = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    assert shown["unsettled"] == ["unknown: the store does not answer"]
    assert recording.fired
    refused = await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)
    assert (refused.status, refused.code) == (503, "ENGINE_UNREACHABLE")
    armed.fault = Fault.LOST
    recording.fault = Fault.LOST
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    assert (await request).status == 200


async def test_a_step_that_temporal_does_not_retry_rests_until_an_operator_or_the_next_minute(world: World) -> None:
    order = await world.sold(ADULT)
    armed = world.faults.arm(order, StepName.CONFIRM_SEATS, Fault.LOST_FOR_GOOD)
    request = asyncio.create_task(world.upgrade(order, confirm=True, payment=CARD, Prefer="wait=30"))
    async with asyncio.timeout(30):
        while not await rests(world, order):  # noqa: ASYNC110 - only a query shows it
            await asyncio.sleep(0.05)
    assert armed.fired == 3  # once locally, once as an activity, once in need of attention
    shown = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    assert shown["attempts"] == armed.fired
    assert datetime.fromisoformat(shown["next_at"]) > datetime.fromisoformat(shown["since"])
    armed.fault = Fault.LOST
    assert (await world.post(f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    assert (await request).status == 200
    assert world.at_most_once(order)


async def rests(world: World, order: str) -> bool:
    """Whether a step of the order is stuck while none of its attempts runs or is due."""
    with suppress(RPCError):  # its workflow has not started yet
        workflow = world.workflow(order)
        shown = (await workflow.query(OrderDraft.progress)).stuck
        about = (await workflow.describe()).raw_description
        return bool(shown and shown.unsettled and not about.pending_activities)
    return False


def _steps_never_abandoned() -> list[tuple[str, Scenario]]:
    """Return every declared undo, pivot and final step, with a scenario in which it runs."""
    one_go = SCENARIOS[0]
    undos = sorted({(undo, one_go) for undo, _ in undo_matrix()}, key=lambda pair: pair[0])
    # Those two run beside the step that is stuck, which is shown; one that cannot begin is a request that waits.
    beside = (StepName.BEGIN_REVERSAL, StepName.BEGIN_RESEAT)
    names = [name for name, step in by_name().items() if isinstance(step, Pivot | Final) and name not in beside]
    return undos + [(name, next(each for each in SCENARIOS if name in each.steps)) for name in sorted(names)]


@pytest.mark.faults
@pytest.mark.parametrize(
    ("step", "scenario"),
    [
        pytest.param(step, scenario, id=step, marks=pytest.mark.only_on(DATABASES[number % 2]))
        for number, (step, scenario) in enumerate(_steps_never_abandoned())
    ],
)
async def test_a_step_that_must_not_be_abandoned_waits_for_an_operator_and_is_done_at_last(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str, scenario: Scenario
) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 3)
    order = await scenario.prepare(world)
    before = world.snapshot(order)
    is_undo = step not in by_name()
    if is_undo:
        world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED)
    armed = world.faults.arm(order, step, Fault.DOWN)
    request = asyncio.create_task(scenario.act(world, order))
    await wait_until_stuck(world, order, armed)
    armed.fault = Fault.LOST
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    answer = await request
    change = answer.change
    async with asyncio.timeout(20):
        while answer.status == 202:
            answer = await world.send("GET", f"/v1/changes/{change}", Prefer="wait=5")
    assert armed.fired > 1
    if is_undo:
        assert world.snapshot(order) == before
    else:
        assert answer.status == 200, answer.body
    assert world.at_most_once(order)


@pytest.mark.parametrize(
    "step", [StepName.RELEASE_SEATS, StepName.VOID_PAYMENT, StepName.SETTLE_PRICE_DIFFERENCE, StepName.CONFIRM_SEATS]
)
async def test_a_step_done_by_hand_at_its_provider_is_recorded_under_the_act_that_was_done(
    outside: World, step: str
) -> None:
    order, request, _ = await start_stuck_change(outside, step)
    shown = (await outside.send("GET", f"/v1/orders/{order}/attention")).body
    assert (shown["step"], shown["by_hand"]) == (step, True)
    body = {"reason": "seen at the counter"}
    answer = await outside.send("POST", f"/v1/orders/{order}/attention/done-by-hand", body)
    assert answer.status == 204
    await request
    move = {"move": 1} if step == StepName.SETTLE_PRICE_DIFFERENCE else {}
    assert await events_of(outside, order, "done_by_hand") == [{"step": step, "actor": "local", **body, **move}]


@pytest.mark.parametrize("step", [StepName.RELEASE_SEATS, StepName.SETTLE_PRICE_DIFFERENCE, StepName.CONFIRM_ORDER])
async def test_a_step_of_our_own_database_cannot_be_done_by_hand_on_any_route(world: World, step: str) -> None:
    order, request, armed = await start_stuck_change(world, step)
    shown = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    assert (shown["step"], shown["by_hand"]) == (step, False)
    refused = await world.send("POST", f"/v1/orders/{order}/attention/done-by-hand", {"reason": "as I say"})
    assert (refused.status, refused.code) == (409, "NOT_BY_HAND")
    with pytest.raises(WorkflowUpdateFailedError) as update:
        await world.workflow(order).execute_update("done_by_hand", {"reason": "as I say"})
    assert isinstance(update.value.cause, ApplicationError)
    assert update.value.cause.type == "NOT_BY_HAND"
    by_hand = ("done_by_hand", "done_by_hand_stated")
    assert [await events_of(world, order, kind) for kind in by_hand] == [[], []]
    armed.fault = Fault.LOST
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    assert (await request).status in (200, 409)
    assert world.at_most_once(order)


async def test_an_external_installation_cannot_do_the_steps_of_our_own_database_by_hand(outside: World) -> None:
    order, request, armed = await start_stuck_change(outside, StepName.CONFIRM_ORDER)
    refused = await outside.send("POST", f"/v1/orders/{order}/attention/done-by-hand", {"reason": "as I say"})
    assert (refused.status, refused.code) == (409, "NOT_BY_HAND")
    armed.fault = Fault.LOST
    assert (await outside.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    assert (await request).status == 200


@pytest.mark.only_on("sqlite")  # a matter of the command line
@pytest.mark.journeys
async def test_an_operator_resolves_a_stuck_step_from_the_command_line(world: World) -> None:
    order, request, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    environment = {"CHANGEOVER_API": str(world.http.base_url)}

    async def changeover(*arguments: str) -> tuple[int, str]:
        done = await asyncio.to_thread(run, *arguments, environment=environment)
        return done.returncode, done.stdout + done.stderr

    async with asyncio.timeout(40):
        while order not in (listed := await changeover("attention"))[1]:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    assert listed[0] == 1
    assert "unsettled: 100.00 NOK authorised" in listed[1]
    before = await wait_until_between_attempts(world, order)
    assert (await changeover("attention", "retry", order, "--reason", "it is back"))[0] == 0
    assert len(await events_of(world, order, "retry_requested")) == 1
    await wait_until_between_attempts(world, order, before)
    armed.fault = Fault.LOST
    assert (await changeover("attention", "retry", order, "--reason", "now it is"))[0] == 0
    assert (await request).status in (200, 202)
    await world.wait_for_end(order)
    code, text = await changeover("attention", "done-by-hand", order, "--reason", "too late")
    assert (code, text.splitlines()[0]) == (1, "No step of this order is stuck. (NOTHING_STUCK)")


@pytest.mark.only_on("sqlite")  # a matter of the command line
async def test_the_command_line_says_that_a_step_of_our_own_database_is_not_done_by_hand(world: World) -> None:
    order, request, armed = await start_stuck_change(world, StepName.SETTLE_PRICE_DIFFERENCE)
    environment = {"CHANGEOVER_API": str(world.http.base_url)}
    words = ("attention", "done-by-hand", order, "--reason", "refunded at the bank")
    refused = await asyncio.to_thread(run, *words, environment=environment)
    assert (refused.returncode, "NOT_BY_HAND" in refused.stdout + refused.stderr) == (1, True)
    armed.fault = Fault.LOST
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", BANK_IS_BACK)).status == 204
    assert (await request).status in (200, 202)


@pytest.mark.parametrize("how", ["retry-now", "done-by-hand"])
async def test_operator_actions_are_refused_where_no_step_is_stuck_and_for_unknown_orders(
    world: World, how: str
) -> None:
    order = await world.sold(ADULT)
    for _ in range(2):
        refused = await world.send("POST", f"/v1/orders/{order}/attention/{how}", BANK_IS_BACK)
        assert (refused.status, refused.code) == (409, "NOTHING_STUCK")
        await world.change(order, replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train())))
    unknown = await world.send("POST", f"/v1/orders/26-999999/attention/{how}", BANK_IS_BACK)
    assert (unknown.status, unknown.code) == (404, "ORDER_NOT_FOUND")
    without_reason = await world.send("POST", f"/v1/orders/{order}/attention/{how}", {"reason": ""})
    assert (without_reason.status, without_reason.code) == (422, "MEMBER_INVALID")


@pytest.mark.parametrize(("update", "body"), [("retry_now", {}), ("done_by_hand", {"reason": "x"})])
async def test_operator_updates_are_refused_where_no_step_is_stuck(
    world: World, update: str, body: dict[str, str]
) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update(update, body)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "NOTHING_STUCK"


@pytest.mark.parametrize("update", ["change", "pay"])
async def test_a_change_or_payment_sent_to_temporal_directly_is_refused_to_keep_its_details_out(
    world: World, update: str
) -> None:
    order = await world.sold(ADULT)
    await world.upgrade(order)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await world.workflow(order).execute_update(update, {})
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "NEEDS_REQUEST"
