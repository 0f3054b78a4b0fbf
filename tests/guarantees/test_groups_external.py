"""Groups beside external systems: each is done once, and so is what stands behind one whose answer was lost."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from cli.faults.injection import Fault
from providers.embedded.inventory import EmbeddedInventory
from providers.protocols import ActState, Held, HoldRequest
from store.database.store import Store
from store.tables import PaymentRow
from temporal.names import GroupName, StepName
from tests.support.canary import ADULT
from tests.support.final_checks import check_invariants
from tests.support.installation import prepare_database, running_world
from tests.support.phases import violations_of
from tests.support.postgres import new_database
from tests.support.watched_bank import WatchedBank, provider_for
from tests.support.world import CARD, Answer, World

pytestmark = pytest.mark.faults


class ExternalInventory(EmbeddedInventory):
    """The embedded inventory as if it were outside of our database; a test may act before a call."""

    external = True

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.before: dict[str, Callable[[], object]] = {}
        """What a test does once before a call, by the call's name."""

    def _act(self, call: str) -> None:
        self.before.pop(call, lambda: None)()

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold, after what a test does."""
        self._act("hold")
        return super().hold(tenant, key, requests, until)

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend, after what a test does."""
        self._act("extend")
        return super().extend(tenant, references, until)

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Confirm, after what a test does."""
        self._act("confirm")
        return super().confirm(tenant, key, taken, given_up)


@dataclass
class Installation:
    """A world, and the external systems beside it."""

    world: World
    inventory: ExternalInventory
    bank: WatchedBank

    def before(self, call: str, act: Callable[[], object]) -> None:
        """Act once before a call of the inventory ends, or one of the bank is answered."""
        if call in ("authorise", "capture"):

            def before_answer(what: str) -> None:
                if what.startswith(call):
                    act()

            self.bank.before_answer = before_answer
        else:
            self.inventory.before[call] = act

    def paid_once(self, order: str) -> bool:
        """Whether our records agree with those of the bank, inside or outside."""
        if not self.world.components.payments.external:
            return self.world.at_most_once(order)
        with self.world.components.store.read() as tx:
            ours = tx.exec(select(PaymentRow).where(PaymentRow.order_number == order)).all()
        return all(
            (row.captured_minor, row.refunded_minor) == (theirs.captured, theirs.refunded)
            and row.open == (not theirs.voided and not theirs.captured)
            for row in ours
            for theirs in (self.bank.accounts[row.key],)
        )


@pytest.fixture(scope="module", params=["seats", "all"])
async def installation(
    database_kind: str, temporal: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """Seats outside, and the bank inside or outside too."""
    name = f"groups-beside-{request.param}-{database_kind}"
    url = f"sqlite:///{tmp_path_factory.mktemp('beside') / f'{name}.db'}"
    if database_kind == "postgres":
        url = new_database(request.getfixturevalue("postgres_url"), name.replace("-", "_"))
    inventories: list[ExternalInventory] = []

    def inventory(store: Store) -> ExternalInventory:
        inventories.append(ExternalInventory(store))
        return inventories[-1]

    bank = WatchedBank()
    with ExitStack() as stack:
        provider = stack.enter_context(provider_for(bank)) if request.param == "all" else None
        async with running_world(prepare_database(url), temporal, name, provider, inventory=inventory) as world:
            yield Installation(world, inventories[0], bank)
            check_invariants(world)


async def test_seats_that_a_change_replaced_are_released_though_the_answer_of_its_last_group_was_lost(
    installation: Installation,
) -> None:
    world = installation.world
    order = await world.sold(ADULT)
    assert (await world.upgrade(order)).status == 200
    (replaced,) = [each for each in (await world.show(order))["reservations"] if each["state"] == "held"]
    # The group behind the hold: it swaps and records the outcome, and the release stands behind it.
    installation.before("hold", lambda: world.faults.arm(order, GroupName.RUN_CHANGE, Fault.LOST))
    assert (await world.upgrade(order)).status == 200
    armed = world.faults.find(order, GroupName.RUN_CHANGE)
    assert armed is not None
    assert armed.fired == 1
    assert world.faults.ran[order][-1] == StepName.RELEASE_REPLACED_SEATS
    held = [each["id"] for each in (await world.show(order))["reservations"] if each["state"] == "held"]
    assert len(held) == 1
    assert replaced["id"] not in held
    assert (await world.discard(order)).status == 200


async def _sold(world: World) -> str:
    return await world.sold(ADULT)


async def _with_draft(world: World) -> str:
    return (await world.open_draft())[0]


async def _in_one_go(world: World, order: str) -> Answer:
    return await world.upgrade(order, confirm=True, payment=CARD)


async def _into_a_draft(world: World, order: str) -> Answer:
    return await world.upgrade(order)


async def _confirmation(world: World, order: str) -> Answer:
    return await world.confirm(order, CARD)


async def _payment(world: World, order: str) -> Answer:
    return await world.pay(order, "40.00")


async def _extension(world: World, order: str) -> Answer:
    soon = world.components.store.now() + timedelta(minutes=30)
    return await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": soon.isoformat()})


Prepare = Callable[[World], Coroutine[Any, Any, str]]
Act = Callable[[World, str], Coroutine[Any, Any, Answer]]
BEHIND = [
    (_sold, _in_one_go, GroupName.RUN_CHANGE, "hold"),
    (_sold, _in_one_go, GroupName.RUN_CHANGE, "confirm"),
    (_sold, _into_a_draft, GroupName.RUN_CHANGE, "hold"),
    (_with_draft, _into_a_draft, GroupName.RUN_CHANGE, "hold"),
    (_with_draft, _confirmation, GroupName.RUN_CONFIRMATION, "extend"),
    (_with_draft, _confirmation, GroupName.RUN_CONFIRMATION, "confirm"),
    (_with_draft, _extension, GroupName.RUN_EXTENSION, "extend"),
]


FAULTS = (Fault.BROKEN, Fault.LOST, Fault.LOST_FOR_GOOD, Fault.TWICE, Fault.AT_ONCE)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("installation", ["all"], indirect=True, scope="module")
async def test_a_payment_at_an_external_bank_is_recorded_once_whatever_happens_to_its_last_group(
    installation: Installation, fault: Fault
) -> None:
    await check_done_once(installation, _with_draft, _payment, GroupName.RUN_PAYMENT, "authorise", fault)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("prepare", "act", "group", "call"), BEHIND, ids=lambda each: getattr(each, "__name__", str(each)).strip("_")
)
async def test_a_group_behind_an_external_step_is_done_once_whatever_happens_to_it(
    installation: Installation, prepare: Prepare, act: Act, group: str, call: str, fault: Fault
) -> None:
    await check_done_once(installation, prepare, act, group, call, fault)


async def check_done_once(
    installation: Installation, prepare: Prepare, act: Act, group: str, call: str, fault: Fault
) -> None:
    """Break the group behind an external call, and check that the request is done once and can be undone."""
    world = installation.world
    order = await prepare(world)
    installation.before(call, lambda: world.faults.arm(order, group, fault))
    answer = await act(world, order)
    installation.bank.before_answer = lambda _what: None
    armed = world.faults.find(order, group)
    assert armed is not None
    assert armed.fired >= 1
    assert answer.status == 200, answer.body
    assert installation.paid_once(order)
    assert violations_of(world, order) == []
    world.faults.clear()
    shown = await world.show(order)
    if shown["draft"]:
        assert len([each for each in shown["reservations"] if each["state"] == "held"]) == 1
        assert (await world.discard(order)).status == 200
    else:
        assert (shown["status"], shown["version"], shown["balance"]) == ("confirmed", 2, "0.00")
    assert violations_of(world, order) == []
