"""CHANGEOVER_RESEAT=same_service: a paid change whose seats are gone gets other ones once, before anybody is called."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlmodel import col, delete, select

from store.tables import ReservationRow, SeatHoldRow
from temporal.names import StepName
from tests.guarantees.test_reseat import (
    assert_books_agree,
    be_sold_out,
    events_of,
    reseat,
    reseat_until_accepted,
    seats_of,
)
from tests.guarantees.test_reversal import OUTSIDE, WAIT, Run, dearer
from tests.support.canary import ADULT
from tests.support.outside import Outside, running_outside
from tests.support.stuck_orders import lose_holds, wait_until_step_is_stuck
from tests.support.world import CARD, Answer, World, replace
from workflows.saga import step_runner

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module", params=("seats", "none"))
async def outside(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, database_named: Callable[[str], str]
) -> AsyncIterator[Outside]:
    name = f"reseat-itself-{request.param}-{database_kind}"
    seats, bank = OUTSIDE[str(request.param)]
    async with running_outside(
        database_named(name), temporal, name, seats=seats, bank=bank, reseat="same_service"
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 2)


def lose_first_seats(world: World, order: str) -> None:
    """Let the inventory forget what the order's changes have held, but not what was held instead."""
    with world.components.store.write() as tx:
        held = select(ReservationRow.reference).where(
            ReservationRow.order_number == order,
            ReservationRow.state == "held",
            col(ReservationRow.key).endswith(StepName.RESERVE_SEATS),
        )
        references = tx.exec(held).all()
        tx.exec(delete(SeatHoldRow).where(col(SeatHoldRow.reference).in_(references)))


async def send_without_seats(
    outside: Outside, run: Run, lose: Callable[[World, str], object]
) -> tuple[str, "asyncio.Task[Answer]"]:
    """Send a change whose seats are gone once its money has moved."""
    world = outside.world
    outside.clear()
    order, send = await run(world)
    if not world.components.external_systems:
        world.faults.break_groups(order)
    outside.seats.before["confirm"] = lambda: lose(world, order)
    return order, asyncio.create_task(send())


async def test_a_change_whose_seats_are_gone_is_done_with_other_ones_and_nobody_is_called(outside: Outside) -> None:
    world = outside.world
    order, request = await send_without_seats(outside, dearer, lose_first_seats)
    answer = await request
    assert (answer.status, answer.body["state"]) == (200, "done")
    events = await events_of(world, order)
    assert events.count("seats_reassigned") == 1
    assert "needs_attention" not in events
    assert_books_agree(world, order)
    assert [row.kind for row in world.changes_of(order)].count("reseat") == 0
    await world.wait_for_end(order)


async def test_an_attempt_that_is_under_way_delays_the_other_seats_but_does_not_prevent_them(outside: Outside) -> None:
    world = outside.world
    attempts = count(1)

    def lose_and_be_slow(world: World, order: str) -> None:
        lose_first_seats(world, order)
        if next(attempts) == 2 and world.components.external_systems:
            time.sleep(2 * step_runner.ATTENTION_AFTER.total_seconds())  # this attempt is overtaken by the next one

    order, request = await send_without_seats(outside, dearer, lose_and_be_slow)
    assert (await request).body["state"] == "done"
    events = await events_of(world, order)
    assert events.count("seats_reassigned") == 1
    assert "needs_attention" not in events
    assert_books_agree(world, order)
    await world.wait_for_end(order)


async def test_it_happens_once_and_then_an_operator_is_called(outside: Outside) -> None:
    world = outside.world
    order, request = await send_without_seats(outside, dearer, lose_holds)
    await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
    assert (await events_of(world, order)).count("seats_reassigned") == 1
    outside.clear()
    lose_holds(world, order)
    assert (await reseat(world, order)).body["state"] == "done"
    assert (await request).body["state"] == "done"
    assert (await events_of(world, order)).count("seats_reassigned") == 2
    assert_books_agree(world, order)
    await world.wait_for_end(order)


async def test_without_other_seats_an_operator_is_called(outside: Outside) -> None:
    world = outside.world

    def lose_and_sell_out(world: World, order: str) -> None:
        outside.seats.before["hold"] = be_sold_out
        lose_first_seats(world, order)

    order, request = await send_without_seats(outside, dearer, lose_and_sell_out)
    await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
    assert "seats_reassigned" not in await events_of(world, order)
    outside.clear()
    # While an attempt at the confirmation is under way, its outcome is not known.
    await reseat_until_accepted(world, order)
    assert (await request).body["state"] == "done"
    await world.wait_for_end(order)


async def named_seat(world: World) -> tuple[str, Callable[[], Coroutine[Any, Any, Answer]]]:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    operation = replace(await world.lines(order), bundle, seats=["1-05"])
    return order, lambda: world.change(order, operation, confirm=True, payment=CARD, **WAIT)


async def test_seats_that_the_client_named_are_changed_by_an_operator_only(outside: Outside) -> None:
    world = outside.world
    order, request = await send_without_seats(outside, named_seat, lose_first_seats)
    await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
    assert "seats_reassigned" not in await events_of(world, order)
    page = "is not known"
    while "is not known" in page:  # while an attempt of the confirmation is under way
        page = (await world.http.get(f"/desk/orders/{order}/reseat")).text
    assert "The client chose by name: 1-05 on" in page
    (before,) = [each for each in seats_of(world, order).values() if each[0] == "held"]
    answer = await reseat(world, order)
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    assert (await request).body["state"] == "done"
    (after,) = seats_of(world, order).values()
    assert after[1] == before[1]
    assert_books_agree(world, order)
    await world.wait_for_end(order)
