"""The history of an order names who acted by hand; above a limit, two people must state that money was moved."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from cli.faults.injection import Fault
from temporal.names import StepName
from tests.support.auth import PEPPER, AuthenticatedWorld, with_authentication
from tests.support.canary import ADULT
from tests.support.final_checks import check_invariants
from tests.support.outside import be_down
from tests.support.outside_session import running_outside
from tests.support.postgres import new_database
from tests.support.stuck_orders import start_stuck_change, wait_until_step_is_stuck
from tests.support.world import Answer, Json, World, replace
from workflows.saga import step_runner

MONEY = pytest.mark.parametrize("step", [StepName.SETTLE_PRICE_DIFFERENCE, StepName.VOID_PAYMENT])
SETTLED = {"reason": "settled at the bank"}
VERIFIED = {"reason": "seen in the bank's list"}


@pytest.fixture(scope="module")
async def two_people(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """An installation with authentication and external providers.

    Its limit for one person is below the price of every change here.
    """
    folder: Path = tmp_path_factory.mktemp("by-hand")
    sqlite = database_kind == "sqlite"
    url = f"sqlite:///{folder / 'b.db'}" if sqlite else new_database(request.getfixturevalue("postgres_url"), "by_hand")
    settings: dict[str, Any] = {"key_pepper": PEPPER, "single_person_limits": {"NOK": 9_999}}
    async with running_outside(url, temporal, f"by-hand-{database_kind}", sandboxed=sqlite, **settings) as world:
        yield world
        check_invariants(world)


@pytest.fixture
async def authenticated(two_people: World) -> AsyncIterator[AuthenticatedWorld]:
    async with with_authentication(two_people) as running:
        yield running
    two_people.faults.clear()


@pytest.fixture(autouse=True)
def _short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=3))


async def act(world: World, order: str, body: Json, action: str = "done-by-hand", **headers: str) -> Answer:
    return await world.send("POST", f"/v1/orders/{order}/attention/{action}", body, **headers)


async def events_of(world: World, order: str, kind: str) -> list[Json]:
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    return [event["data"] for event in events if event["type"] == kind]


async def send_refused_update(world: World, order: str, update: str, **body: object) -> str | None:
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await world.workflow(order).execute_update(update, body)
    cause = refusal.value.cause
    return cause.type if isinstance(cause, ApplicationError) else None


@MONEY
async def test_above_the_limit_a_step_is_done_by_hand_once_a_second_person_states_the_same(
    authenticated: AuthenticatedWorld, step: str
) -> None:
    al, bo = authenticated.client(), authenticated.client()
    order, request, _ = await start_stuck_change(al.world, step)
    for _ in range(2):
        first = await act(al.world, order, SETTLED)
        assert (first.status, first.code) == (409, "SECOND_PERSON_NEEDED")
    shown = (await bo.world.send("GET", f"/v1/orders/{order}/attention")).body
    assert [(each["actor"], each["reason"]) for each in shown["statements"]] == [(al.name, SETTLED["reason"])]
    assert not await events_of(al.world, order, "done_by_hand")
    assert not request.done()
    assert (await act(bo.world, order, VERIFIED)).status == 204
    await request
    (done,) = await events_of(al.world, order, "done_by_hand")
    assert (done["actor"], done["reason"], done["confirmed_by"]) == (bo.name, VERIFIED["reason"], [al.name])
    assert {each["actor"] for each in await events_of(al.world, order, "done_by_hand_stated")} == {al.name, bo.name}


@MONEY
async def test_an_update_sent_in_temporal_is_the_statement_of_no_person(
    authenticated: AuthenticatedWorld, step: str
) -> None:
    al, bo = authenticated.client(), authenticated.client()
    order, request, _ = await start_stuck_change(al.world, step)
    assert await send_refused_update(al.world, order, "done_by_hand", **SETTLED) == "SECOND_PERSON_NEEDED"
    assert (await act(al.world, order, SETTLED)).status == 409
    events = (await al.world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    for forged in (
        {},
        {"actor": bo.name},
        {"done_by_hand_by": [bo.name, al.name]},
        {"statement_event": events[-1]["number"]},
    ):
        code = await send_refused_update(al.world, order, "done_by_hand", **SETTLED, **forged)
        assert code == "SECOND_PERSON_NEEDED"
    # An event that is no statement.
    assert await send_refused_update(al.world, order, "done_by_hand", **SETTLED, statement_event=1) == "NOTHING_STUCK"
    assert not await events_of(al.world, order, "done_by_hand")
    assert (await act(bo.world, order, VERIFIED)).status == 204
    await request


async def test_a_statement_that_a_busy_store_did_not_take_may_be_sent_again_under_its_key(
    authenticated: AuthenticatedWorld,
) -> None:
    al = authenticated.client()
    order, request, _ = await start_stuck_change(al.world, StepName.RELEASE_SEATS)
    busy = authenticated.world.faults.arm(order, StepName.CHECK_DONE_BY_HAND, Fault.DOWN)
    away = await act(al.world, order, SETTLED, Idempotency_Key="once")
    assert (away.status, away.code) == (503, "ENGINE_UNREACHABLE")
    assert not request.done()
    busy.fault = Fault.FLAKY
    assert (await act(al.world, order, SETTLED, Idempotency_Key="once")).status == 204
    await request
    for kind in ("done_by_hand_stated", "done_by_hand"):
        assert len(await events_of(al.world, order, kind)) == 1


async def test_the_statement_of_one_person_lapses_after_an_hour(authenticated: AuthenticatedWorld) -> None:
    al, bo = authenticated.client(), authenticated.client()
    order, request, _ = await start_stuck_change(al.world, StepName.SETTLE_PRICE_DIFFERENCE)
    assert (await act(al.world, order, SETTLED)).status == 409
    with authenticated.world.clock_at(authenticated.world.components.store.now() + timedelta(minutes=61)):
        shown = (await bo.world.send("GET", f"/v1/orders/{order}/attention")).body
        assert shown["statements"] == []
        events = (await al.world.send("GET", f"/v1/orders/{order}/history")).body["events"]
        (number,) = [each["number"] for each in events if each["type"] == "done_by_hand_stated"]
        assert (await act(bo.world, order, VERIFIED)).code == "SECOND_PERSON_NEEDED"
        # The earlier statement no longer counts, even when an update in Temporal names its event.
        assert (
            await send_refused_update(al.world, order, "done_by_hand", **SETTLED, statement_event=number)
            == "NOTHING_STUCK"
        )
        assert (await act(al.world, order, SETTLED)).status == 204
        await request


async def test_a_statement_about_one_stuck_step_does_not_count_for_the_next(authenticated: AuthenticatedWorld) -> None:
    al, bo = authenticated.client(), authenticated.client()
    order, request, armed = await start_stuck_change(al.world, StepName.VOID_PAYMENT)
    assert (await act(al.world, order, SETTLED)).status == 409
    authenticated.world.faults.clear()
    assert (await act(al.world, order, {"reason": "it is back"}, "retry-now")).status == 204
    await request
    gone = await act(bo.world, order, VERIFIED)
    assert (gone.status, gone.code) == (409, "NOTHING_STUCK")
    assert not await events_of(al.world, order, "done_by_hand")
    assert armed.fired


async def test_one_person_may_state_alone_that_a_step_without_money_was_done(authenticated: AuthenticatedWorld) -> None:
    al = authenticated.client()
    order, request, _ = await start_stuck_change(al.world, StepName.RELEASE_SEATS)
    assert (await act(al.world, order, SETTLED)).status == 204
    await request
    (done,) = await events_of(al.world, order, "done_by_hand")
    assert done == {"step": StepName.RELEASE_SEATS, "actor": al.name, **SETTLED}


async def start_unanswered_settlement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, "asyncio.Task[Answer]"]:
    """Start a change that costs 50.00 less, of which the bank is asked and does not answer."""
    order = await world.sold(ADULT, product="flexible")
    monkeypatch.setattr(world.components.payments, "refund", be_down)
    bundle = await world.offer("standard", ADULT, service=world.train())
    operations = replace(await world.lines(order), bundle)
    change = world.change(order, operations, confirm=True, refund_price_difference=True, Prefer="wait=30")
    request = asyncio.create_task(change)
    await wait_until_step_is_stuck(world, order, StepName.SETTLE_PRICE_DIFFERENCE)
    return order, request


def let_alone_act(world: World, monkeypatch: pytest.MonkeyPatch, up_to: int) -> None:
    monkeypatch.setitem(cast("dict[str, int]", world.components.dual_control.up_to), "NOK", up_to)


async def test_up_to_the_limit_one_person_may_state_alone_that_a_payment_was_voided(
    authenticated: AuthenticatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    al = authenticated.client()
    order, request, _ = await start_stuck_change(al.world, StepName.VOID_PAYMENT)
    let_alone_act(authenticated.world, monkeypatch, 10_000)
    assert (await act(al.world, order, SETTLED)).status == 204
    await request
    assert [each["actor"] for each in await events_of(al.world, order, "done_by_hand")] == [al.name]


@pytest.mark.parametrize(("up_to", "alone"), [(4_999, False), (5_000, True)])
async def test_one_person_may_state_alone_what_a_settlements_record_says_up_to_the_limit(
    authenticated: AuthenticatedWorld, monkeypatch: pytest.MonkeyPatch, up_to: int, *, alone: bool
) -> None:
    al, bo = authenticated.client(), authenticated.client()
    with monkeypatch.context() as bank:
        order, request = await start_unanswered_settlement(al.world, bank)
        let_alone_act(authenticated.world, monkeypatch, up_to)
        first = await act(al.world, order, SETTLED)
        assert (first.status, first.code) == ((204, None) if alone else (409, "SECOND_PERSON_NEEDED"))
        if not alone:
            assert (await act(bo.world, order, VERIFIED)).status == 204
        assert (await request).status == 200


async def test_a_settlement_of_which_nothing_is_recorded_needs_two_people_whatever_the_limit(
    authenticated: AuthenticatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    al, bo = authenticated.client(), authenticated.client()
    let_alone_act(authenticated.world, monkeypatch, 1_000_000)
    # It fails before it is recorded as started.
    order, request, _ = await start_stuck_change(al.world, StepName.SETTLE_PRICE_DIFFERENCE)
    assert (await act(al.world, order, SETTLED)).code == "SECOND_PERSON_NEEDED"
    assert (await act(bo.world, order, VERIFIED)).status == 204
    await request


async def test_the_actor_is_the_authenticated_client_and_never_what_it_sends(authenticated: AuthenticatedWorld) -> None:
    al = authenticated.client()
    order, request, armed = await start_stuck_change(al.world, StepName.SETTLE_PRICE_DIFFERENCE)
    forged = await act(al.world, order, {"reason": "it is back", "actor": "somebody else"}, "retry-now")
    assert (forged.status, forged.code) == (422, "MEMBER_INVALID")
    tried = armed.fired
    assert (await act(al.world, order, {"reason": "it is back"}, "retry-now")).status == 204
    async with asyncio.timeout(20):
        while armed.fired == tried:  # noqa: ASYNC110 - only the count shows it
            await asyncio.sleep(0.01)
    authenticated.world.faults.clear()
    await al.world.workflow(order).execute_update("retry_now", {"reason": "once more"})
    await request
    entries = [(each["actor"], each["reason"]) for each in await events_of(al.world, order, "retry_requested")]
    assert entries == [(al.name, "it is back"), ("temporal", "once more")]


async def test_confirming_discarding_and_extending_by_hand_is_recorded_with_actor_and_reason(world: World) -> None:
    async with with_authentication(world) as authenticated:
        al = authenticated.client()
        order, _ = await al.world.open_draft()
        later = (world.components.store.now() + timedelta(hours=2)).isoformat()
        body = {"expires_at": later, "reason": "they call back"}
        assert (await al.world.send("PATCH", f"/v1/orders/{order}", body)).status == 200
        reason = {"reason": "they changed their mind"}
        assert (await al.world.send("DELETE", f"/v1/orders/{order}/draft", reason)).status == 200
        await al.world.upgrade(order)
        await al.world.pay(order, "100.00")
        await al.world.workflow(order).execute_update("extend", {"minutes": 90, "reason": "a slow bank"})
        await al.world.workflow(order).execute_update("confirm", {"reason": "paid at the counter"})
        events = (await al.world.send("GET", f"/v1/orders/{order}/history?limit=200")).body["events"]
        requests = [each for each in events if each["type"] == "operator_request"]
        # The reason is text of a client: it stands beside the event, and an erasure blanks it.
        assert {tuple(each["data"]) for each in requests} == {("action", "actor")}
        assert [(each["data"]["action"], each["data"]["actor"], each["reason"]) for each in requests] == [
            ("extend", al.name, "they call back"),
            ("discard", al.name, "they changed their mind"),
            ("extend", "temporal", "a slow bank"),
            ("confirm", "temporal", "paid at the counter"),
        ]


@pytest.mark.parametrize("reason", ["x" * 201, "two\nlines", "\x07"], ids=["long", "lines", "bell"])
async def test_a_reason_that_cannot_be_recorded_is_refused_wherever_it_is_given(world: World, reason: str) -> None:
    order, _ = await world.open_draft()
    for update in ("confirm", "discard", "extend"):
        assert await send_refused_update(world, order, update, reason=reason, minutes=5) == "NEEDS_REASON"
    assert await send_refused_update(world, order, "confirm") == "NEEDS_REASON"
    for method, path, body in (
        ("DELETE", "/draft", {}),
        ("PATCH", "", {"expires_at": "2027-01-01T00:00:00Z"}),
        ("POST", "/attention/retry-now", {}),
        ("POST", "/attention/done-by-hand", {}),
    ):
        refused = await world.send(method, f"/v1/orders/{order}{path}", body | {"reason": reason})
        assert (refused.status, refused.code) == (422, "MEMBER_INVALID"), path
    refused = await world.post(f"/v1/orders/{order}/confirm", {"reason": reason})
    assert refused.status == 422
    await world.discard(order)


async def test_an_update_that_names_an_unrelated_event_is_recorded_all_the_same(
    authenticated: AuthenticatedWorld,
) -> None:
    al = authenticated.client()
    order, request, armed = await start_stuck_change(al.world, StepName.RELEASE_SEATS)
    armed.fault = Fault.LOST
    await al.world.workflow(order).execute_update("retry_now", {"reason": "quietly", "statement_event": 1})
    await request
    (tried,) = await events_of(al.world, order, "retry_requested")
    assert (tried["actor"], tried["reason"]) == ("temporal", "quietly")
