"""kill -9 of the worker at every moment of a reversal: the confirmed version stands, and every capture is refunded."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlmodel import col, select

from cli.faults.injection import Fault
from store.tables import EmbeddedPaymentRow, PaymentRow, SeatHoldRow, StockHoldRow
from temporal.names import StepName, numbered_key, step_key
from tests.support.outside_worker import LATE
from tests.support.reversal_runs import (
    KILLS,
    OUTSIDE,
    RUNS,
    Installation,
    Run,
    all_books,
    ended,
    get_stuck,
    is_stuck,
    play_killed,
    reverse_until_accepted,
    running_installation,
    wait_until,
)
from tests.support.scenarios import DATABASES

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module", params=OUTSIDE)
async def installation(
    database_kind: str,
    temporal: str,
    request: pytest.FixtureRequest,
    database_named: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Installation]:
    which = str(request.param)
    name, folder = f"reversal-killed-{which}-{database_kind}", tmp_path_factory.mktemp("reversal-killed")
    async with running_installation(database_named(name), temporal, name, folder, OUTSIDE[which]) as running:
        yield running


CASES = [
    pytest.param(RUNS[(number + shift) % len(RUNS)], *kill, id=kill[0], marks=pytest.mark.only_on(DATABASES[shift]))
    for shift in (0, 1)
    for number, kill in enumerate(KILLS)
    if number % 2 == shift
]


@pytest.mark.parametrize(("run", "moment", "step", "fault"), CASES)
async def test_a_reversal_is_finished_though_the_worker_is_killed(
    installation: Installation, run: Run, moment: str, step: StepName, fault: Fault
) -> None:
    played = await play_killed(installation, run, step, fault)
    assert (played.change, played.reversal, played.kills) == (("undone", "REVERSED"), ("done", None), 1), moment
    assert played.whole, played


@pytest.mark.parametrize("installation", ["seats", "both"], indirect=True, scope="module")
@pytest.mark.parametrize("run", RUNS, ids=lambda each: each.__name__)
async def test_a_confirmation_that_is_still_under_way_is_never_overtaken(installation: Installation, run: Run) -> None:
    """Its answer comes ten seconds later: the reversal is refused as long, and the change goes forward."""
    world = installation.world
    installation.let_confirm_be()
    order, send = await run(world)
    change = await get_stuck(installation, order, send)
    installation.let_confirm_be(LATE)
    assert (await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "again"})).status == 204
    refused = []
    while (await world.send("GET", f"/v1/changes/{change}")).body["state"] != "done":
        answer = await world.post(f"/v1/orders/{order}/attention/reverse", {"reason": "gone"}, Prefer="wait=5")
        refused.append(answer.code)
        await asyncio.sleep(0.5)
    assert set(refused) <= {"OUTCOME_UNKNOWN", "NOTHING_TO_REVERSE", "SEATS_CONFIRMED"}
    assert "OUTCOME_UNKNOWN" in refused
    after = await all_books(world, order)
    assert after.ours == after.bank
    assert after.status == "confirmed"
    assert sum(refunded for _, refunded in after.ours) == 0
    installation.let_confirm_be()


@pytest.mark.parametrize("installation", ["seats", "both"], indirect=True, scope="module")
async def test_an_inventory_that_was_restored_from_yesterday_lets_the_change_be_reversed(
    installation: Installation,
) -> None:
    """It has forgotten today's holds, and still has the seats of the confirmed version."""
    world = installation.world
    installation.let_confirm_be()
    order, send = await RUNS[1](world)
    before = await all_books(world, order)
    change = await get_stuck(installation, order, send)
    key = step_key(change, StepName.RESERVE_SEATS)
    with world.components.store.write() as tx:
        for table in (SeatHoldRow, StockHoldRow):
            for row in tx.exec(select(table).where(col(table.key) == key)):
                tx.delete(row)
    installation.let_confirm_be()
    reversal = await reverse_until_accepted(world, order)
    assert await ended(world, change) == ("undone", "REVERSED")
    assert await ended(world, reversal) == ("done", None)
    after = await all_books(world, order)
    assert (after.ours, after.inventory, after.version) == (after.bank, before.inventory, before.version)


@pytest.mark.parametrize("installation", ["bank", "both"], indirect=True, scope="module")
async def test_a_bank_that_was_restored_from_yesterday_makes_the_reversal_a_case(installation: Installation) -> None:
    """It does not know what it captured: nothing is confirmed, and an operator sees what is not refunded."""
    world = installation.world
    installation.let_confirm_be()
    order, send = await RUNS[1](world)
    change = await get_stuck(installation, order, send)
    with world.components.store.write() as tx:
        (payment,) = tx.exec(select(PaymentRow.key).where(PaymentRow.key == step_key(change, "authorise_payment")))
        forgotten = tx.get_one(EmbeddedPaymentRow, payment)
        kept = forgotten.model_dump()
        tx.delete(forgotten)
        tx.delete(tx.get_one(EmbeddedPaymentRow, numbered_key(change, StepName.SETTLE_PRICE_DIFFERENCE, 1)))
    await reverse_until_accepted(world, order)
    await wait_until(lambda: is_stuck(world, order, StepName.REFUND_CAPTURES))
    attention = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    assert attention["step"] == StepName.REFUND_CAPTURES
    assert (await world.send("GET", f"/v1/changes/{change}")).body["state"] == "needs_attention"
    assert (await all_books(world, order)).version == 1
    with world.components.store.write() as tx:
        tx.add(EmbeddedPaymentRow(**kept))
    # It may be tried again by itself before.
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "back"})
    assert await ended(world, change) == ("undone", "REVERSED")
