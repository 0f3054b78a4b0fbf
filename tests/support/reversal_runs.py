"""Plays reversals of stuck changes while the worker is killed, and compares both books after each."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import col, select
from temporalio.service import RPCError

from cli.faults.injection import Fault, Folder
from cli.processes import Child
from domain.changes import OUTCOMES
from store import invariants
from store.tables import EmbeddedPaymentRow, PaymentRow, SeatHoldRow, StockHoldRow
from temporal.names import GroupName, StepName, step_key
from tests.support.canary import ADULT, CHILD
from tests.support.installation import running_world
from tests.support.outside import Interference, WatchedInventory, WatchedPayments
from tests.support.outside_worker import GONE, LATE
from tests.support.stock import DEARER_LIMITED, LIMITED, LIMITED_LINE, add_limited_products
from tests.support.world import CARD, Answer, World, add, replace, wait_for_worker
from workflows.order_draft import OrderDraft

REASON = {"reason": "no seats are left"}
ASYNC = {"Prefer": "respond-async"}
SECONDS = 40
Send = Callable[[], Coroutine[Any, Any, Answer]]
Run = Callable[[World], Coroutine[Any, Any, tuple[str, Send]]]
OUTSIDE: dict[str, tuple[str, ...]] = {
    "none": (),
    "seats": ("seats",),
    "bank": ("bank",),
    "both": ("seats", "bank"),
}
"""What is outside of our database."""


async def first_sale(world: World) -> tuple[str, Send]:
    """Sell a first ticket in one go."""
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    return order, lambda: world.change(order, add(bundle, ADULT), confirm=True, payment=CARD, **ASYNC)


async def dearer(world: World) -> tuple[str, Send]:
    """Exchange a ticket for a dearer one in one go."""
    order = await world.sold(ADULT)
    return order, lambda: world.upgrade(order, confirm=True, payment=CARD, **ASYNC)


async def draft_with_two_payments(world: World) -> tuple[str, Send]:
    """Confirm a draft of three changes, which two payments pay for."""
    order = await world.sold(ADULT)
    for _ in range(2):
        assert (await world.upgrade(order)).status == OK
    bundle = await world.offer("standard", CHILD, service=world.train())
    assert (await world.change(order, add(bundle, CHILD))).status == OK
    assert (await world.pay(order, "40.00")).status == OK
    return order, lambda: world.post(f"/v1/orders/{order}/confirm", {"payment": CARD}, **ASYNC)


async def with_stock(world: World) -> tuple[str, Send]:
    """Exchange a ticket of a limited stock for a dearer one of another."""
    add_limited_products(world)
    order = await world.order()
    bundle = await world.offer(LIMITED, ADULT, service=world.train(line=LIMITED_LINE))
    assert (await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)).status == OK
    dearer_one = await world.offer(DEARER_LIMITED, ADULT, service=world.train(line=LIMITED_LINE))
    operation = replace(await world.lines(order), dearer_one)
    return order, lambda: world.change(order, operation, confirm=True, payment=CARD, **ASYNC)


OK = 200
RUNS: tuple[Run, ...] = (first_sale, dearer, draft_with_two_payments, with_stock)
KILLS: tuple[tuple[str, StepName, Fault], ...] = (
    ("before its claim", StepName.BEGIN_REVERSAL, Fault.KILLED),
    ("after its claim", StepName.BEGIN_REVERSAL, Fault.KILLED_AFTER),
    ("after the refunds", StepName.REFUND_CAPTURES, Fault.KILLED_AFTER),
    ("before the release", StepName.RELEASE_SEATS, Fault.KILLED),
    ("before the outcome", StepName.END_REVERSAL, Fault.KILLED),
)


@dataclass
class Books:
    """What an order has in our book and in those of the providers; amounts in minor units."""

    status: str
    version: int
    ours: list[tuple[int, int]]
    """What was captured and refunded of each payment, by our ledger."""
    bank: list[tuple[int, int]]
    seats: list[str]
    """The seats and units that the order has confirmed."""
    inventory: list[str]
    """The seats and units that the inventory has under the order's keys, with their state."""


@dataclass
class Installation:
    """An installation whose worker is a process that is killed and started again."""

    world: World
    folder: Path
    child: Child
    kills: int = 0

    async def keep_alive(self) -> None:
        """Start the worker again as soon as it has ended."""
        while True:
            if self.child.ended:
                self.kills += 1
                self.child.start()
            await asyncio.sleep(0.02)

    def let_confirm_be(self, *files: str) -> None:
        """Let the inventory's next confirmations be gone, late, or as usual."""
        for name in (GONE, LATE):
            (self.folder / name).unlink(missing_ok=True)
        for name in files:
            (self.folder / name).touch()


async def wait_until(what: Callable[[], Awaitable[bool]], seconds: int = SECONDS) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not await what():
        if time.monotonic() > until:
            raise TimeoutError
        await asyncio.sleep(0.1)


async def is_stuck(world: World, order: str, step: str) -> bool:
    """Whether a step of an order is stuck."""
    # While its worker is killed, a query is not answered.
    with suppress(RPCError):
        shown = (await world.workflow(order).query(OrderDraft.progress)).stuck
        return bool(shown and shown.step == step)
    return False


async def ended(world: World, change: str) -> tuple[str, str | None]:
    """Wait for a change's outcome; return its state and its code."""
    shown: dict[str, Any] = {}

    async def has_outcome() -> bool:
        nonlocal shown
        shown = (await world.send("GET", f"/v1/changes/{change}")).body
        return shown["state"] in OUTCOMES

    await wait_until(has_outcome)
    return shown["state"], (shown["problem"] or {}).get("code")


def books(world: World, order: str) -> Books:
    """Read all books of an order."""
    keys = [step_key(row.id, StepName.RESERVE_SEATS) for row in world.changes_of(order)]
    with world.components.store.read() as tx:
        payments = tx.exec(
            select(PaymentRow).where(PaymentRow.order_number == order).order_by(col(PaymentRow.number))
        ).all()
        at_bank = [tx.get(EmbeddedPaymentRow, each.key) for each in payments]
        seats = tx.exec(select(SeatHoldRow).where(col(SeatHoldRow.key).in_(keys))).all()
        units = tx.exec(select(StockHoldRow).where(col(StockHoldRow.key).in_(keys))).all()
    return Books(
        status="",
        version=0,
        ours=[(each.captured_minor, each.refunded_minor) for each in payments],
        bank=[(each.captured_minor, each.refunded_minor) if each else (0, 0) for each in at_bank],
        seats=[],
        inventory=sorted(
            [f"{each.service} {each.coach}-{each.seat} {each.state}" for each in seats]
            + [f"{each.item} {each.place} {each.unit} {each.state}" for each in units]
        ),
    )


async def all_books(world: World, order: str) -> Books:
    """Read all books of an order, and what clients see of it."""
    found, shown = books(world, order), await world.show(order)
    found.status = shown.get("status", "unknown to clients")
    found.version = shown.get("confirmed_version", 0)
    found.seats = sorted(
        [f"{each['service']} {each['seat']} {each['state']}" for each in shown.get("reservations", [])]
        + [f"{each['product']} {each['state']}" for each in shown.get("units", [])]
    )
    return found


async def get_stuck(installation: Installation, order: str, send: Send) -> str:
    """Send a change whose seats are gone after its settlement; return the change once it is stuck."""
    world = installation.world
    if not world.components.external_systems:
        # In one transaction nothing could be stuck: its steps run one by one here.
        for group in (GroupName.RUN_CHANGE, GroupName.RUN_CONFIRMATION):
            Folder(installation.folder).arm(order, group, Fault.BROKEN)
    installation.let_confirm_be(GONE)
    answer = await send()
    await wait_until(lambda: is_stuck(world, order, StepName.CONFIRM_SEATS))
    return answer.change


async def reverse_until_accepted(world: World, order: str) -> str:
    """Send reversals until one is not refused; return its id."""
    change = ""

    async def accepted() -> bool:
        nonlocal change
        change = (await world.post(f"/v1/orders/{order}/attention/reverse", REASON, **ASYNC)).change
        shown = (await world.send("GET", f"/v1/changes/{change}")).body
        return bool(shown["state"] != "refused")

    await wait_until(accepted)
    return change


@dataclass
class Played:
    """How a reversal ended while the worker was killed, with all books before and after it."""

    change: tuple[str, str | None]
    reversal: tuple[str, str | None]
    kills: int
    before: Books
    after: Books

    @property
    def whole(self) -> bool:
        """Whether the order is the old version with its old seats, and every capture of the change is refunded."""
        before, after = self.before, self.after
        kept = [each for each in before.inventory if each.endswith("confirmed")]
        net = [sum(captured - refunded for captured, refunded in each.ours) for each in (before, after)]
        refunded = [sum(refunded for _, refunded in each.ours) for each in (before, after)]
        money = after.ours == after.bank and net[0] == net[1] and refunded[1] > refunded[0]
        return bool(money and after.inventory == kept and after.version == before.version)


async def play_killed(installation: Installation, run: Run, step: StepName, fault: Fault) -> Played:
    """Reverse a stuck change while the worker is killed in a step of the reversal."""
    world = installation.world
    installation.let_confirm_be()
    order, send = await run(world)
    before = await all_books(world, order)
    change = await get_stuck(installation, order, send)
    Folder(installation.folder).arm(order, step, fault)
    kills = installation.kills
    reversal = await reverse_until_accepted(world, order)
    return Played(
        change=await ended(world, change),
        reversal=await ended(world, reversal),
        kills=installation.kills - kills,
        before=before,
        after=await all_books(world, order),
    )


@asynccontextmanager
async def running_installation(
    url: str, temporal: str, namespace: str, folder: Path, outside: tuple[str, ...]
) -> AsyncIterator[Installation]:
    """Run an installation on a prepared database, with some providers outside and its worker in a process.

    All invariants are checked at its end.
    """
    environment = {
        "CHANGEOVER_DATABASE": url,
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, "-m", "tests.support.outside_worker", str(folder), *outside]
    child = Child("worker", command, folder / "worker.log", environment)
    async with running_world(
        url,
        temporal,
        namespace,
        lambda store: WatchedPayments(store, Interference(), external="bank" in outside),
        inventory=lambda store: WatchedInventory(store, Interference(), external="seats" in outside),
        with_worker=False,
    ) as world:
        child.start()
        await wait_for_worker(world)
        running = Installation(world, folder, child)
        keeping_alive = asyncio.create_task(running.keep_alive())
        try:
            yield running
        finally:
            keeping_alive.cancel()
            child.stop()
        with world.components.store.read() as tx:
            assert [*invariants.violations(tx)] == []
