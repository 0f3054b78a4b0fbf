"""Our reservations and an external railway's own book: what differs in two rounds is released or shown as a case."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from activities.reconciliation import ReconciliationActivities
from examples.fake_systems.railway import Hold, Seats
from providers.book_deadline import Deadline
from providers.contracts import Trouble
from providers.seat_comparison import book_of, compare_seats
from temporal.names import StepName
from tests.guarantees.test_recovery import reconcile
from tests.support.canary import ADULT
from tests.support.commands import run
from tests.support.lying_railway import ByRail
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import CARD, TENANT, add
from workflows.saga import step_runner

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def _books_of_others_stay(by_rail: ByRail) -> Iterator[None]:
    holds, seats = dict(by_rail.railway.holds), dict(by_rail.railway.seats)
    yield
    assert holds.items() <= by_rail.railway.holds.items(), "the books of other tests have changed"
    assert seats.items() <= by_rail.railway.seats.items()


@pytest.fixture
def rounds(by_rail: ByRail) -> "Rounds":
    return Rounds(by_rail)


class Rounds:
    """Rounds of one worker that has compared nothing before."""

    def __init__(self, by_rail: ByRail) -> None:
        components = by_rail.world.components
        self._activities = ReconciliationActivities(components.store, components.inventory, components.payments)

    async def run(self) -> list[str]:
        """Run the checks of one round; return what differs at the railway."""
        report = await asyncio.to_thread(self._activities.check_invariants)
        return [each for each in report.violations if each.startswith("seats_agree")]


def hold_of(by_rail: ByRail, order: str) -> Hold:
    """Return the only hold that the railway has for an order."""
    changes = {row.id for row in by_rail.world.changes_of(order)}
    (hold,) = [each for each in by_rail.railway.holds.values() if each.key.partition("/")[0] in changes]
    return hold


async def draft(by_rail: ByRail, train: str) -> str:
    world = by_rail.world
    order = await world.order()
    assert (await world.change(order, add(await world.offer("standard", ADULT, service=train), ADULT))).status == 200
    return order


async def test_books_that_agree_are_found_to_agree(by_rail: ByRail, rounds: Rounds) -> None:
    train = by_rail.train()
    orders = [await by_rail.sold(train), await draft(by_rail, train), await by_rail.sold(train)]
    assert [await rounds.run() for _ in range(3)] == [[], [], []]
    by_rail.assert_books_agree(*orders)
    await by_rail.world.discard(orders[1], Prefer="wait=30")


async def test_a_hold_that_was_not_released_is_released_in_the_second_round(by_rail: ByRail, rounds: Rounds) -> None:
    train = by_rail.train(coaches=1, seats=1)
    order = await draft(by_rail, train)
    hold = hold_of(by_rail, order)
    assert (await by_rail.world.discard(order, Prefer="wait=30")).status == 200
    by_rail.railway.holds[hold.reference] = hold
    assert await rounds.run() == []
    assert hold.reference in by_rail.railway.holds
    assert await rounds.run() == []
    assert hold.reference not in by_rail.railway.holds
    by_rail.assert_books_agree(await by_rail.sold(train))


async def test_a_sale_that_no_order_has_is_a_case_and_never_released(by_rail: ByRail, rounds: Rounds) -> None:
    train = by_rail.train()
    order = await draft(by_rail, train)
    hold = hold_of(by_rail, order)
    assert (await by_rail.world.discard(order, Prefer="wait=30")).status == 200
    hold.until = None
    by_rail.railway.holds[hold.reference] = hold
    assert await rounds.run() == []
    for _ in range(2):
        assert await rounds.run() == [
            f"seats_agree {order} {hold.reference}: sold at the inventory, not reserved by an order of ours"
        ]
    del by_rail.railway.holds[hold.reference]
    assert await rounds.run() == []


async def test_what_another_installation_holds_under_its_keys_is_a_case_and_left_alone(
    by_rail: ByRail, rounds: Rounds
) -> None:
    train = by_rail.train()
    until = by_rail.world.components.store.now() + timedelta(hours=1)
    (hold,) = by_rail.railway.hold("not-one-of-ours/reserve_seats", [Seats(train, 1)], until)
    await rounds.run()
    assert await rounds.run() == [
        f"seats_agree - {hold.reference}: held at the inventory, not reserved by an order of ours"
    ]
    assert by_rail.railway.holds.pop(hold.reference) is hold


@pytest.mark.parametrize("sold", [True, False], ids=["sold", "held"])
async def test_what_the_railway_does_not_know_of_is_a_case(by_rail: ByRail, rounds: Rounds, *, sold: bool) -> None:
    train = by_rail.train()
    order = await (by_rail.sold(train) if sold else draft(by_rail, train))
    hold = hold_of(by_rail, order)
    del by_rail.railway.holds[hold.reference]
    assert await rounds.run() == []
    state = "confirmed" if sold else "held"
    assert await rounds.run() == [
        f"seats_agree {order} {hold.reference}: {state} by an order of ours, unknown to the inventory"
    ]
    by_rail.railway.holds[hold.reference] = hold
    assert await rounds.run() == []
    by_rail.assert_books_agree(order)


@pytest.mark.parametrize("differs", ["state", "seat"])
async def test_a_place_that_is_another_in_each_book_is_a_case(by_rail: ByRail, rounds: Rounds, differs: str) -> None:
    train = by_rail.train()
    order = await by_rail.sold(train)
    hold = hold_of(by_rail, order)
    place = hold.place
    if differs == "state":
        hold.until = by_rail.world.components.store.now() + timedelta(hours=1)
    else:
        hold.place = (train, 2, 16)
    await rounds.run()
    (difference,) = await rounds.run()
    assert difference.startswith(f"seats_agree {order} {hold.reference}: ")
    hold.until, hold.place = None, place
    assert await rounds.run() == []


async def test_an_order_whose_step_is_under_way_is_not_compared(
    by_rail: ByRail, rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    train = by_rail.train()
    order = await by_rail.world.order()
    by_rail.railway.refusals_after["sell"] = "gone"
    by_rail.railway.says = "cannot_say"
    with by_rail.proxy(Trouble.LOST, only=1, of="/sales/"):
        request = asyncio.create_task(by_rail.buy(order, train))
        await wait_until_step_is_stuck(by_rail.world, order, StepName.CONFIRM_SEATS)
    # Sold there and held here: the step finds out itself.
    assert [await rounds.run() for _ in range(3)] == [[], [], []]
    by_rail.railway.clear()
    await by_rail.world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "it can say now"})
    assert (await request).status == 200
    assert [await rounds.run() for _ in range(2)] == [[], []]
    by_rail.assert_books_agree(order)


async def test_what_changes_while_the_book_is_read_is_not_compared(
    by_rail: ByRail, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, book = by_rail.train(), by_rail.railway.book
    order, loop = await draft(by_rail, train), asyncio.get_running_loop()
    components = by_rail.world.components
    inventory = book_of(components.inventory)
    assert inventory is not None

    def confirm_after_reading(after: str, limit: int) -> list[Hold]:
        read = [Hold(each.reference, each.key, each.place, each.until, each.requested) for each in book(after, limit)]
        monkeypatch.undo()
        asyncio.run_coroutine_threadsafe(by_rail.world.confirm(order, CARD), loop).result(20)
        return read

    monkeypatch.setattr(by_rail.railway, "book", confirm_after_reading)
    arguments = (components.store, inventory, TENANT, Deadline(timedelta(seconds=10)))
    assert await asyncio.to_thread(compare_seats, *arguments) == []
    by_rail.assert_books_agree(order)


async def test_a_book_that_cannot_be_read_is_no_difference_and_no_other_check_waits_for_it(
    by_rail: ByRail, rounds: Rounds
) -> None:
    order = await by_rail.sold(by_rail.train())
    with by_rail.proxy(Trouble.DOWN, of="/bookings"):
        assert [await rounds.run() for _ in range(2)] == [[], []]
        assert by_rail.proxy.requests == 2
    by_rail.assert_books_agree(order)


async def test_a_journey_that_is_over_may_be_forgotten_by_the_railway(by_rail: ByRail, rounds: Rounds) -> None:
    order = await by_rail.sold(by_rail.train())
    hold = hold_of(by_rail, order)
    del by_rail.railway.holds[hold.reference]
    with by_rail.world.clock_at(by_rail.world.components.store.now() + timedelta(days=60)):
        found = [await rounds.run() for _ in range(2)]
    by_rail.railway.holds[hold.reference] = hold
    assert [each for each in found[1] if order in each] == []


async def test_the_reconciliation_shows_what_differs(by_rail: ByRail) -> None:
    order = await by_rail.sold(by_rail.train())
    hold = hold_of(by_rail, order)
    assert (await reconcile(by_rail.world)).violations == 0
    del by_rail.railway.holds[hold.reference]
    assert [(await reconcile(by_rail.world)).violations for _ in range(2)] == [0, 1]
    by_rail.railway.holds[hold.reference] = hold
    assert (await reconcile(by_rail.world)).violations == 0


async def check(by_rail: ByRail) -> tuple[int, dict[str, Any]]:
    """Run `check` in a process of its own; return its exit code and what it prints."""
    environment = {
        "CHANGEOVER_DATABASE": by_rail.database,
        "CHANGEOVER_SEATS": "examples.providers.railway_inventory:RailwayInventory",
        "RAILWAY_URL": by_rail.proxy.url,
        "RAILWAY_SECRET": "pretend",
    }
    done = await asyncio.to_thread(run, "check", "--json", environment=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, found


async def test_check_names_what_differs_and_says_when_it_could_not_compare(by_rail: ByRail) -> None:
    order = await by_rail.sold(by_rail.train())
    hold = hold_of(by_rail, order)
    code, found = await check(by_rail)
    assert (code, found["violations"], found["seats"]) == (0, [], {"compared": True, "reason": None})
    del by_rail.railway.holds[hold.reference]
    code, found = await check(by_rail)
    assert (code, [(each["invariant"], each["order"]) for each in found["violations"]]) == (1, [("seats_agree", order)])
    by_rail.railway.holds[hold.reference] = hold
    with by_rail.proxy(Trouble.DOWN):
        code, found = await check(by_rail)
    assert (code, found["violations"], found["seats"]["compared"]) == (2, [], False)
