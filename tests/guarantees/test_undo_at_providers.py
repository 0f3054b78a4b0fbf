"""An undo at an external provider: until the provider has agreed, nothing of ours says that it is done."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from domain.risk import at_risk
from store.orders.orders import load, lock_order
from store.tables import StepRecordRow
from temporal.names import StepName
from tests.api.desk.visitor import words_of
from tests.guarantees.test_recovery import reconcile
from tests.support.outside import Interference, Outside, be_down, running_outside
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import Answer, World
from workflows.saga import step_runner

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
async def outside(database_kind: str, temporal: str, database_named: Callable[[str], str]) -> AsyncIterator[Outside]:
    """Seats and bank outside."""
    name = f"outside-both-{database_kind}"
    async with running_outside(database_named(name), temporal, name, seats=True, bank=True) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))


def states(world: World, order: str) -> dict[str, str]:
    with world.components.store.read() as tx:
        rows = tx.exec(select(StepRecordRow).where(StepRecordRow.order_number == order)).all()
    return {row.key.partition("/")[2]: row.state for row in rows if row.state.startswith("withdraw")}


def money_at_risk(world: World, order: str) -> int:
    with world.components.store.write() as tx:
        return at_risk(load(tx, lock_order(tx, order))).total.minor


async def events(world: World, order: str) -> list[str]:
    return [each["type"] for each in (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]]


Part = Callable[[Outside], Interference]
UNDOS = [
    pytest.param(lambda outside: outside.bank, "void", StepName.VOID_PAYMENT, id="void_payment"),
    pytest.param(lambda outside: outside.seats, "release", StepName.RELEASE_SEATS, id="release_seats"),
]


async def discard_while_down(
    outside: Outside, part: Interference, call: str, undo: str
) -> tuple[str, "asyncio.Task[Answer]"]:
    world = outside.world
    order, _ = await world.open_draft()
    assert (await world.pay(order, "40.00")).status == 200
    part.before[call] = be_down
    request = asyncio.create_task(world.discard(order, Prefer="wait=30"))
    await wait_until_step_is_stuck(world, order, undo)
    return order, request


@pytest.mark.parametrize(("part", "call", "undo"), UNDOS)
async def test_what_a_provider_has_not_undone_is_nowhere_shown_as_undone(
    outside: Outside, part: Part, call: str, undo: str
) -> None:
    world = outside.world
    order, request = await discard_while_down(outside, part(outside), call, undo)
    before = await events(world, order)
    step = {"void": "authorise_payment", "release": "reserve_seats"}[call]
    assert states(world, order)[step] == "withdrawing"
    shown = await world.show(order)
    if call == "void":
        assert "payment_voided" not in before
        assert money_at_risk(world, order) == 4000
        async with asyncio.timeout(20):
            # Temporal's list, which the page shows, lags behind for a moment.
            while "At risk 40.00 NOK" not in words_of((await world.http.get("/desk/attention")).text):  # noqa: ASYNC110 - it lags
                await asyncio.sleep(0.1)
    assert "held" in {each["state"] for each in shown["reservations"]}
    outside.clear()
    # It may be tried again by itself before.
    retried = await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "it is back"})
    assert (retried.status, retried.code) in ((204, None), (409, "NOTHING_STUCK"))
    assert (await request).status == 200
    assert set(states(world, order).values()) == {"withdrawn"}
    assert (await events(world, order)).count("payment_voided") == 1
    shown = await world.show(order)
    assert money_at_risk(world, order) == 0
    assert {each["state"] for each in shown["reservations"]} == {"confirmed"}
    assert [voided for *_, voided in outside.bank_book(order)][-1]


@pytest.mark.parametrize(("part", "call", "undo"), UNDOS)
async def test_an_undo_whose_run_was_terminated_is_finished_by_the_reconciliation(
    outside: Outside, part: Part, call: str, undo: str
) -> None:
    world = outside.world
    order, request = await discard_while_down(outside, part(outside), call, undo)
    await world.workflow(order).terminate("terminated by mistake")
    request.cancel()
    outside.clear()
    for row in world.changes_of(order):
        world.backdate(row.id)
    await reconcile(world)
    await world.wait_for_end(order)
    assert set(states(world, order).values()) == {"withdrawn"}
    assert (await events(world, order)).count("payment_voided") == 1
    shown = await world.show(order)
    assert (shown["draft"], money_at_risk(world, order)) == (None, 0)
    assert {each["state"] for each in shown["reservations"]} == {"confirmed"}


async def test_a_payment_that_a_terminated_cancellation_began_to_void_is_voided_though_the_draft_stays_open(
    outside: Outside,
) -> None:
    world = outside.world
    order, _ = await world.open_draft()
    assert (await world.pay(order, "40.00")).status == 200
    outside.bank.before["void"] = be_down
    await world.workflow(order).cancel()
    await wait_until_step_is_stuck(world, order, StepName.VOID_PAYMENT)
    await world.workflow(order).terminate("terminated by mistake")
    assert "payment_voided" not in await events(world, order)
    outside.clear()
    await reconcile(world)
    async with asyncio.timeout(30):
        while money_at_risk(world, order):  # noqa: ASYNC110 - only the store shows it
            await asyncio.sleep(0.05)
    assert (await events(world, order)).count("payment_voided") == 1
    assert outside.bank_book(order)[-1] == (4000, 0, 0, True)
    shown = await world.show(order)
    assert shown["draft"] is not None
    assert {each["state"] for each in shown["reservations"]} == {"confirmed", "held"}
    assert (await world.discard(order)).status == 200
