"""Stories in which every declared step happens, and the faults each kind of step must survive."""

import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from activities.support.registry import all_steps
from activities.support.step_kinds import Check, Final, Pivot, Reversible
from cli.faults.injection import Fault
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from store.tables import ChangeRow
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.world import CARD, TENANT, Answer, World, replace


@dataclass(frozen=True)
class Scenario:
    """An order made ready, and a request that is then broken."""

    name: str
    prepare: Callable[[World], Awaitable[str]]
    act: Callable[[World, str], Coroutine[Any, Any, Answer]]
    steps: tuple[str, ...]
    """What happens, in this order, when nothing breaks."""
    broken_steps: tuple[str, ...] | None = None
    """Which of these steps are broken here; none named means all."""


async def _sold(world: World) -> str:
    return await world.sold(ADULT)


async def _with_draft(world: World) -> str:
    return (await world.open_draft())[0]


async def _dearer_in_one_go(world: World, order: str) -> Answer:
    return await world.upgrade(order, confirm=True, payment=CARD)


async def _another_change(world: World, order: str) -> Answer:
    bundle = await world.offer("standard", ADULT, service=world.train())
    return await world.change(order, replace(await world.lines(order), bundle))


async def _confirmation(world: World, order: str) -> Answer:
    return await world.confirm(order, CARD)


async def _payment(world: World, order: str) -> Answer:
    return await world.pay(order, "40.00")


async def _discard(world: World, order: str) -> Answer:
    return await world.discard(order)


async def _with_a_request_half_done(world: World) -> str:
    """Have a draft whose run was terminated just after it had taken up a request to move the deadline."""
    order, now = await _with_draft(world), world.components.store.now()
    await world.workflow(order).terminate("somebody pressed the wrong button")
    request = ChangeRequest(kind=ChangeKind.EXTEND, expires_at=now + timedelta(hours=1))
    row = ChangeRow(
        tenant=TENANT,
        id=str(uuid.uuid4()),
        order_number=order,
        route="PATCH /v1/orders/{order}",
        fingerprint="",
        kind=request.kind,
        request=request.model_dump_json(by_alias=True),
        state=ChangeState.RUNNING,
        created_at=now,
        claimed_at=now,
    )
    with world.components.store.write() as tx:
        tx.add(row)
    return order


SCENARIOS = (
    Scenario(
        "a dearer change in one go",
        _sold,
        _dearer_in_one_go,
        (
            StepName.PLAN_CHANGE,
            StepName.VALIDATE_TRAVELLERS,
            StepName.QUOTE_CHANGE,
            StepName.RESERVE_SEATS,
            StepName.SWAP_OFFER_BUNDLE,
            StepName.EXTEND_HOLDS,
            StepName.AUTHORISE_PAYMENT,
            StepName.SETTLE_PRICE_DIFFERENCE,
            StepName.CONFIRM_SEATS,
            StepName.CONFIRM_ORDER,
        ),
    ),
    Scenario(
        "a second change in a draft",
        _with_draft,
        _another_change,
        (
            StepName.PLAN_CHANGE,
            StepName.VALIDATE_TRAVELLERS,
            StepName.QUOTE_CHANGE,
            StepName.RESERVE_SEATS,
            StepName.SWAP_OFFER_BUNDLE,
            StepName.RECORD_OUTCOME,
            StepName.RELEASE_REPLACED_SEATS,
        ),
    ),
    Scenario(
        "a confirmation",
        _with_draft,
        _confirmation,
        (
            StepName.PLAN_CHANGE,
            StepName.EXTEND_HOLDS,
            StepName.AUTHORISE_PAYMENT,
            StepName.SETTLE_PRICE_DIFFERENCE,
            StepName.CONFIRM_SEATS,
            StepName.CONFIRM_ORDER,
        ),
    ),
    Scenario(
        "a payment", _with_draft, _payment, (StepName.PLAN_CHANGE, StepName.AUTHORISE_PAYMENT, StepName.RECORD_OUTCOME)
    ),
    Scenario(
        "a discard",
        _with_draft,
        _discard,
        (
            StepName.PLAN_CHANGE,
            StepName.FIND_UNFINISHED_WORK,
            StepName.RESTORE_OFFER_BUNDLE,
            StepName.RELEASE_SEATS,
            StepName.CLOSE_DRAFT,
            StepName.RECORD_OUTCOME,
        ),
    ),
    Scenario(
        "a payment after a terminated run",
        _with_a_request_half_done,
        _payment,
        (
            StepName.PLAN_CHANGE,
            StepName.FIND_UNFINISHED_WORK,
            StepName.PLAN_CHANGE,
            StepName.EXTEND_HOLDS,
            StepName.RECORD_OUTCOME,
            StepName.PLAN_CHANGE,
            StepName.AUTHORISE_PAYMENT,
            StepName.RECORD_OUTCOME,
        ),
        broken_steps=(StepName.FIND_UNFINISHED_WORK,),
    ),
)

# Before the point of no return a step may be refused or break; after it only its answer can be lost.
_KEPT = (Fault.LOST, Fault.TWICE, Fault.AT_ONCE, Fault.FLAKY)
_BEFORE = (Fault.REFUSED, Fault.BROKEN, Fault.LOST_FOR_GOOD, *_KEPT)
_FAULTS: dict[type, tuple[Fault, ...]] = {
    Check: _BEFORE,
    Reversible: (*_BEFORE, Fault.LATE),
    Pivot: (Fault.REFUSED, *_KEPT),
    Final: _KEPT,
}
_UNDO_FAULTS = _KEPT
UNDONE_AFTER = (Fault.REFUSED, Fault.BROKEN, Fault.LOST_FOR_GOOD, Fault.LATE)
"""After these the request leaves no trace; after the others it is done."""


def matrix() -> Iterator[tuple[Scenario, str, Fault]]:
    """Return every step of every scenario with every fault its kind must survive."""
    steps = all_steps()
    for scenario in SCENARIOS:
        for name in scenario.steps if scenario.broken_steps is None else scenario.broken_steps:
            faults = _FAULTS[type(steps[name])] if name in steps else _UNDO_FAULTS
            for fault in faults:
                yield scenario, name, fault


DATABASES = ("sqlite", "postgres")
# To a database these are the same: nothing came to it, or the same came to it twice under one key.
_ALIKE = ((Fault.REFUSED, Fault.BROKEN, Fault.FLAKY), (Fault.LOST, Fault.TWICE))


def matrix_by_database() -> Iterator[tuple[Scenario, str, Fault, tuple[str, ...]]]:
    """Return the matrix with the databases each case runs on: all it can do to one is done to both.

    Of faults that are alike to a database each runs on one, taking turns from step to step.
    """
    turns: dict[tuple[str, str], int] = {}
    for scenario, name, fault in matrix():
        turn = turns.setdefault((scenario.name, name), len(turns))
        alike = next((group for group in _ALIKE if fault in group), None)
        places = DATABASES if alike is None else (DATABASES[(turn + alike.index(fault)) % 2],)
        yield scenario, name, fault, places


def undo_matrix() -> Iterator[tuple[str, Fault]]:
    """Return every undo with every fault it must survive."""
    for step in all_steps().values():
        if isinstance(step, Reversible):
            for fault in _UNDO_FAULTS:
                yield step.undo_name, fault
