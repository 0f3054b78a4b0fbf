"""A railway answers something else than was requested: nothing of it reaches our books or the customer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from activities.support import final_attempts
from examples.fake_systems.railway import Hold
from store.database.store import Store
from store.tables import StepRecordRow
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD
from tests.support.final_checks import check_invariants
from tests.support.installation import running_world
from tests.support.lying_inventory import LIES, LyingInventory
from tests.support.lying_railway import ByRail, Lie
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.world import CARD, World, add
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

PATIENCE = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", PATIENCE)
    monkeypatch.setattr(step_runner, "EXTERNAL_TOTAL", 2 * PATIENCE)
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 2)
    monkeypatch.setattr(final_attempts, "LATE_ANSWER", timedelta(0))


def changed(**members: object) -> Lie:
    return lambda held: [replace(held[0], **members), *held[1:]]  # type: ignore[arg-type] # members of a hold


def at_seat(*place: object) -> Lie:
    """Return the lie that the first seat is another one; None stands for what it really is."""
    return (
        lambda held: [
            replace(held[0], place=tuple(b if a is None else a for a, b in zip(place, held[0].place, strict=True))),  # type: ignore[arg-type] # the lie
            *held[1:],
        ]
    )


def seat_twice(held: list[Hold]) -> list[Hold]:
    return [held[0], *(replace(each, place=held[0].place) for each in held[1:])]


WRONG: dict[str, Lie] = {
    "another service": at_seat("9999-2030-01-01", None, None),
    "no seat": lambda _held: [],
    "a negative seat": at_seat(None, None, -5),
    "fewer seats": lambda held: held[:-1],
    "the same seat twice": seat_twice,
    "the same reference twice": lambda held: [replace(each, reference=held[0].reference) for each in held],
    "seats as text": at_seat(None, "1", "7"),
    "a seat that was not requested by name": at_seat(None, 2, 16),
    "a reference of a thousand letters": changed(reference="R" * 1000),
    "a hold that has ended": changed(until=datetime(2020, 1, 1, tzinfo=UTC)),
}
UNREADABLE = ("seats as text", "a reference of a thousand letters")
"""Answers that the adapter does not take for any: the hold stays under its key, and is answered again."""
NAMES = ("1-03", "1-04")
each_lie = pytest.mark.parametrize("lie", WRONG)


def discarded(world: World, change: str) -> int:
    with world.components.store.read() as tx:
        of_step = (StepRecordRow.change == change, StepRecordRow.step == StepName.RESERVE_SEATS)
        return tx.exec(select(StepRecordRow.discarded_answers).where(*of_step)).one()


@each_lie
async def test_after_a_wrong_answer_the_right_seats_are_sold(by_rail: ByRail, lie: str) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    by_rail.railway.lie_once(WRONG[lie])
    answer = await by_rail.buy(order, train, ADULT, CHILD, seats=NAMES)
    assert (answer.status, answer.body["state"]) == (200, "done")
    assert [(name, where, state) for _, name, where, state in by_rail.our_book(order)] == [
        ("1-3", train, "sold"),
        ("1-4", train, "sold"),
    ]
    by_rail.assert_books_agree(order)
    assert discarded(by_rail.world, answer.change) == (0 if lie in UNREADABLE else 1)


@each_lie
async def test_a_change_whose_seats_are_wrong_at_every_attempt_is_undone(by_rail: ByRail, lie: str) -> None:
    order, train = await by_rail.world.order(), by_rail.train()
    before = by_rail.world.snapshot(order)
    by_rail.railway.lie_once(WRONG[lie], times=1000)
    answer = await by_rail.buy(order, train, ADULT, CHILD, seats=NAMES)
    assert (answer.status, answer.code) == (503, "PROVIDER_UNAVAILABLE")
    assert (by_rail.our_book(order), by_rail.their_book(order)) == ([], [])
    assert by_rail.world.snapshot(order) == before
    # Nothing of it is left to sell by mistake: the same seats are sold to the next customer.
    by_rail.railway.clear()
    assert (await by_rail.buy(order, train, ADULT, CHILD, seats=NAMES)).status == 200
    by_rail.assert_books_agree(order)


@pytest.mark.parametrize("what", ["seat", "reference"])
async def test_a_seat_of_another_order_is_not_sold_twice(by_rail: ByRail, what: str) -> None:
    train = by_rail.train()
    first = await by_rail.sold(train)
    (theirs,) = [each for each in by_rail.railway.holds.values() if each.place[0] == train]
    members = {"place": theirs.place} if what == "seat" else {"reference": theirs.reference}
    by_rail.railway.lie_once(changed(**members))
    second = await by_rail.world.order()
    answer = await by_rail.buy(second, train)
    assert answer.status == 200
    assert discarded(by_rail.world, answer.change) == 1
    by_rail.assert_books_agree(first, second)


async def test_a_railway_restored_from_yesterday_does_not_sell_our_seats_again(by_rail: ByRail) -> None:
    train = by_rail.train(coaches=1, seats=1)
    first = await by_rail.sold(train)
    kept = by_rail.railway.holds, by_rail.railway.used
    by_rail.railway.holds, by_rail.railway.used = {}, set()
    second = await by_rail.world.order()
    answer = await by_rail.buy(second, train)
    assert (answer.status, answer.code) == (503, "PROVIDER_UNAVAILABLE")
    assert (by_rail.our_book(second), by_rail.their_book(second)) == ([], [])
    by_rail.railway.holds, by_rail.railway.used = kept
    by_rail.assert_books_agree(first, second)


async def test_a_seat_that_a_draft_gave_back_is_sold_to_the_next(by_rail: ByRail) -> None:
    train = by_rail.train(coaches=1, seats=1)
    first, second = await by_rail.world.order(), await by_rail.world.order()
    bundle = await by_rail.world.offer("standard", ADULT, service=train)
    assert (await by_rail.world.change(first, add(bundle, ADULT))).status == 200
    assert (await by_rail.buy(second, train)).code == "SOLD_OUT"
    assert (await by_rail.world.discard(first, Prefer="wait=30")).status == 200
    assert (await by_rail.buy(second, train)).status == 200
    by_rail.assert_books_agree(first, second)


@pytest.mark.parametrize("until", [datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1)], ids=["past", "no zone"])  # noqa: DTZ001 - the lie
async def test_an_extension_with_a_nonsense_end_confirms_nothing(
    by_rail: ByRail, until: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, train = by_rail.world, by_rail.train()
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=train)
    assert (await world.change(order, add(bundle, ADULT))).status == 200
    monkeypatch.setattr(by_rail.railway, "extend", lambda _references, _until: until)
    refused = await world.confirm(order, CARD)
    assert (refused.status, refused.code) == (503, "PROVIDER_UNAVAILABLE")
    assert [each[3] for each in by_rail.our_book(order)] == ["held"]
    by_rail.assert_books_agree(order)
    monkeypatch.undo()
    assert (await world.confirm(order, CARD)).status == 200
    by_rail.assert_books_agree(order)


@pytest.mark.parametrize("counts", [[-3, -3], [], [1] * 9], ids=["negative", "none", "too many"])
async def test_offers_are_shown_as_if_all_were_free_when_the_counts_are_wrong(
    by_rail: ByRail, counts: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = by_rail.train(coaches=1, seats=3)
    travellers = [{"id": ADULT, "birth_date": "1990-05-04"}]
    search = {"product": "standard", "service": train, "travellers": travellers}
    (right,) = (await by_rail.world.post("/v1/offers", search)).body["offer_bundles"]
    monkeypatch.setattr(by_rail.railway, "free", lambda _requests, _own: counts)
    answer = await by_rail.world.post("/v1/offers", search)
    assert answer.status == 200
    (shown,) = answer.body["offer_bundles"]
    assert (right["available"], shown["available"]) == (3, 9)


async def test_after_a_wrong_answer_to_a_reseat_the_right_seats_are_sold(by_rail: ByRail) -> None:
    world, train = by_rail.world, by_rail.train()
    order = await world.order()

    def lose() -> None:
        """Forget the order's holds, and let another customer have the seat."""
        by_rail.railway.before_sale = lambda: None
        for each in [each for each in by_rail.railway.holds.values() if each.place[0] == train]:
            each.reference, each.key = "elsewhere", "elsewhere"
            by_rail.railway.holds = {name: hold for name, hold in by_rail.railway.holds.items() if hold is not each}
            by_rail.railway.holds[f"elsewhere-{train}"] = each

    by_rail.railway.before_sale = lose
    request = asyncio.create_task(by_rail.buy(order, train))
    await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
    by_rail.railway.lie_once(at_seat("9999-2030-01-01", None, None), times=2)
    answer = await world.post(
        f"/v1/orders/{order}/attention/reseat", {"reason": "the seats are gone"}, None, Prefer="wait=30"
    )
    assert (answer.status, answer.body.get("state")) == (200, "done"), answer.body
    assert (await request).status == 200
    assert [each[3] for each in by_rail.our_book(order)] == ["sold"]
    by_rail.assert_books_agree(order)


@pytest.mark.parametrize("lie", LIES)
async def test_a_wrong_answer_of_our_own_inventory_is_rolled_back(
    embedded: tuple[World, LyingInventory], lie: str
) -> None:
    world, inventory = embedded
    order, train = await world.order(), world.train()
    before = world.snapshot(order)
    inventory.lie = LIES[lie]
    bundle = await world.offer("standard", ADULT, service=train)
    answer = await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD, Prefer="wait=40")
    assert (answer.status, answer.code) == (503, "PROVIDER_UNAVAILABLE")
    assert (world.snapshot(order), world.seats_of(order)) == (before, [])
    inventory.be_honest()
    assert (await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)).status == 200
    assert [each.rpartition(" ")[2] for each in world.seats_of(order)] == ["confirmed"]


@pytest.fixture(scope="module")
async def embedded(
    database_kind: str, temporal: str, database_named: Callable[[str], str]
) -> AsyncIterator[tuple[World, LyingInventory]]:
    name = f"lying-{database_kind}"
    inventories: list[LyingInventory] = []

    def inventory(store: Store) -> LyingInventory:
        inventories.append(LyingInventory(store, external=False))
        return inventories[-1]

    async with running_world(database_named(name), temporal, name, inventory=inventory) as world:
        yield world, inventories[0]
        check_invariants(world)
