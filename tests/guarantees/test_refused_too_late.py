"""After the point of no return nothing is refused: a provider that says no is asked again, and operators are told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from temporalio.service import RPCError

from providers.embedded.inventory import EmbeddedInventory
from providers.errors import HoldIsGoneError
from providers.protocols import ActState
from store.database.store import Store
from temporal.names import REFUSED_TOO_LATE, StepName
from tests.support.canary import ADULT
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.postgres import new_database
from tests.support.world import CARD, DECLINED, Answer, World, add, replace
from workflows.order_draft import OrderDraft
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

WAIT = {"Prefer": "wait=30"}
Act = Callable[[World, str], Coroutine[Any, Any, Answer]]


class ForgetfulInventory(EmbeddedInventory):
    """An inventory that says the held seats are gone when they are confirmed or released, while a test wants it."""

    gone = False
    external = False

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Confirm, or say that the seats are gone."""
        if self.gone:
            raise HoldIsGoneError
        return super().confirm(tenant, key, taken, given_up)

    def release(self, tenant: str, key: str) -> ActState:
        """Release, or say that the seats are gone."""
        if self.gone:
            raise HoldIsGoneError
        return super().release(tenant, key)


class ExternalForgetfulInventory(ForgetfulInventory):
    """The same outside of our database."""

    external = True


@dataclass
class Installation:
    """A world, and the inventory behind it."""

    world: World
    inventory: ForgetfulInventory


@pytest.fixture(scope="module", params=[ForgetfulInventory, ExternalForgetfulInventory], ids=["embedded", "external"])
def kind(request: pytest.FixtureRequest) -> type[ForgetfulInventory]:
    found: type[ForgetfulInventory] = request.param
    return found


@pytest.fixture(scope="module")
async def installation(
    database_kind: str,
    kind: type[ForgetfulInventory],
    temporal: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Installation]:
    name = f"{'external' if kind.external else 'embedded'}-{database_kind}"
    url = f"sqlite:///{tmp_path_factory.mktemp('gone') / f'{name}.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), f"gone_{name}")
    inventories: list[ForgetfulInventory] = []

    def inventory(store: Store) -> ForgetfulInventory:
        inventories.append(kind(store))
        return inventories[-1]

    options: dict[str, Any] = {"inventory": inventory}
    async with running_world(prepare_database(url), temporal, f"seats-gone-{name}", **options) as world:
        yield Installation(world, inventories[0])
        check_invariants(world)


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(step_runner, "LOCAL_ATTEMPTS", 3)


async def first_sale(world: World) -> tuple[str, Act]:
    async def sell(world: World, order: str) -> Answer:
        bundle = await world.offer("standard", ADULT, service=world.train())
        return await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD, **WAIT)

    return await world.order(), sell


async def dearer(world: World) -> tuple[str, Act]:
    async def exchange(world: World, order: str) -> Answer:
        return await world.upgrade(order, confirm=True, payment=CARD, **WAIT)

    return await world.sold(ADULT), exchange


async def cheaper(world: World) -> tuple[str, Act]:
    async def exchange(world: World, order: str) -> Answer:
        bundle = await world.offer("standard", ADULT, service=world.train())
        operation = replace(await world.lines(order), bundle)
        return await world.change(order, operation, confirm=True, refund_price_difference=True, **WAIT)

    return await world.sold(ADULT, product="flexible"), exchange


async def confirmation(world: World) -> tuple[str, Act]:
    async def confirm(world: World, order: str) -> Answer:
        return await world.post(f"/v1/orders/{order}/confirm", {"payment": CARD}, **WAIT)

    return (await world.open_draft())[0], confirm


RUNS = [first_sale, dearer, cheaper, confirmation]


async def stuck_code(world: World, order: str, step: str) -> str:
    """Wait until a step of the order is stuck, and return its code."""
    async with asyncio.timeout(30):
        while True:
            with suppress(RPCError):  # its workflow has not started yet
                shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
                if shown and shown.unsettled:
                    assert shown.step == step
                    return shown.code
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("run", RUNS, ids=lambda each: each.__name__)
async def test_seats_that_are_gone_after_the_money_moved_are_a_case_and_no_refusal(
    installation: Installation, run: Callable[[World], Coroutine[Any, Any, tuple[str, Act]]]
) -> None:
    world, inventory = installation.world, installation.inventory
    order, act = await run(world)
    if not inventory.external:
        world.faults.break_groups(order)
    inventory.gone = True
    request = asyncio.create_task(act(world, order))
    try:
        assert await stuck_code(world, order, StepName.CONFIRM_SEATS) == REFUSED_TOO_LATE
        listed = (await world.send("GET", "/v1/attention")).body
        assert order in [each["order"] for each in listed["stuck"]]
        assert not request.done()
        assert world.at_most_once(order)
    finally:
        inventory.gone = False
    answer = await request
    assert (answer.status, answer.body["state"]) == (200, "done")
    shown = await world.show(order)
    assert (shown["status"], shown["draft"], shown["balance"]) == ("confirmed", None, "0.00")
    assert {seat["state"] for seat in shown["reservations"]} == {"confirmed"}
    assert world.at_most_once(order)


@pytest.mark.parametrize("kind", [ForgetfulInventory], ids=["embedded"], indirect=True, scope="module")
@pytest.mark.parametrize("run", RUNS, ids=lambda each: each.__name__)
async def test_seats_that_are_gone_before_the_transaction_commits_are_a_refusal_and_no_money_moves(
    installation: Installation, run: Callable[[World], Coroutine[Any, Any, tuple[str, Act]]]
) -> None:
    world, inventory = installation.world, installation.inventory
    order, act = await run(world)
    before, seats = world.snapshot(order), world.seats_of(order)
    inventory.gone = True
    try:
        answer = await act(world, order)
    finally:
        inventory.gone = False
    assert (answer.status, answer.code) == (409, "HOLD_LOST")
    assert (world.snapshot(order), world.seats_of(order)) == (before, seats)
    assert world.at_most_once(order)


async def test_an_undo_that_the_provider_refuses_is_a_case_and_the_request_ends_as_it_would_have(
    installation: Installation,
) -> None:
    world, inventory = installation.world, installation.inventory
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    if not inventory.external:
        world.faults.break_groups(order)
    inventory.gone = True
    request = asyncio.create_task(world.upgrade(order, confirm=True, payment=DECLINED, **WAIT))
    try:
        assert await stuck_code(world, order, StepName.RELEASE_SEATS) == REFUSED_TOO_LATE
    finally:
        inventory.gone = False
    answer = await request
    assert (answer.status, answer.code) == (402, "PAYMENT_REFUSED")
    assert world.snapshot(order) == before
