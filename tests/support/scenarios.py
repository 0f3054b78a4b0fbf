"""The fault matrix: scenarios in which every declared step runs, and the faults each kind of step must survive."""

import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from itertools import pairwise
from typing import Any

from activities.flows import CHANGE, FLOWS
from activities.seats import CONFIRM_SEATS
from activities.support.flow import GroupCommand
from activities.support.registry import by_name, reversible
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Check, Final, Harmless, Pivot, Reversible
from api.workflow_client import OrderWorkflowClient, SubmitRequest
from cli.faults.injection import Fault
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from domain.money import Money
from domain.provider_events import ProviderEvent, ProviderEventKind
from store.changes import changes, provider_events
from store.database.documents import to_document
from store.tables import ChangeRow
from temporal.names import PROVIDER_EVENT, UNDO_STEPS, GroupName, StepName
from tests.support.canary import ADULT
from tests.support.provider_events import payment_keys
from tests.support.refunds_owed import order_owing, pay_out
from tests.support.stock import DEARER_LIMITED, LIMITED, LIMITED_LINE, add_limited_products
from tests.support.world import CARD, TENANT, Answer, World, add, replace


@dataclass(frozen=True)
class Scenario:
    """A prepared order, and a request of which a step is then broken."""

    name: str
    prepare: Callable[[World], Awaitable[str]]
    act: Callable[[World, str], Coroutine[Any, Any, Answer]]
    steps: tuple[str, ...]
    """The steps in the order in which they run one by one."""
    groups: tuple[str, ...]
    """The activities that run without a fault: groups of adjacent steps, and steps that run by themselves."""
    broken_steps: tuple[str, ...] | None = None
    """The steps that the matrix breaks here; None means all."""


async def _sold(world: World) -> str:
    """Sell a ticket of a limited stock, so that every step has a seat and a unit to do with."""
    add_limited_products(world)
    order = await world.order()
    bundle = await world.offer(LIMITED, ADULT, service=world.train(line=LIMITED_LINE))
    answer = await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)
    assert answer.status == HTTPStatus.OK, answer.body
    return order


async def _with_draft(world: World) -> str:
    order = await _sold(world)
    answer = await _exchange(world, order, DEARER_LIMITED)
    assert answer.status == HTTPStatus.OK, answer.body
    return order


async def _exchange(world: World, order: str, product: str, **more: Any) -> Answer:
    """Replace the ticket of an order by one on a train of its own."""
    add_limited_products(world)
    bundle = await world.offer(product, ADULT, service=world.train(line=LIMITED_LINE))
    return await world.change(order, replace(await world.lines(order), bundle), **more)


async def _dearer_in_one_go(world: World, order: str) -> Answer:
    return await _exchange(world, order, DEARER_LIMITED, confirm=True, payment=CARD)


async def _another_change(world: World, order: str) -> Answer:
    return await _exchange(world, order, LIMITED)


async def _confirmation(world: World, order: str) -> Answer:
    return await world.confirm(order, CARD)


async def _payment(world: World, order: str) -> Answer:
    return await world.pay(order, "40.00")


async def _discard(world: World, order: str) -> Answer:
    return await world.discard(order)


async def _way_back(world: World, order: str) -> Answer:
    """Replace the draft's ticket by the one that was confirmed, so that nothing is left changed."""
    reserved = (await world.show(order))["reservations"]
    (service,) = {seat["service"] for seat in reserved if seat["state"] == "confirmed"}
    bundle = await world.offer(LIMITED, ADULT, service=service)
    return await world.change(order, replace(await world.lines(order), bundle))


async def _with_an_unfinished_request(world: World) -> str:
    """Return an order with a draft whose run was terminated just after it started a request to extend the draft."""
    order, now = await _with_draft(world), world.components.store.now()
    await world.workflow(order).terminate("terminated by mistake")
    request = ChangeRequest(kind=ChangeKind.EXTEND, expires_at=now + timedelta(hours=1))
    row = ChangeRow(
        tenant=TENANT,
        id=str(uuid.uuid4()),
        order_number=order,
        route="PATCH /v1/orders/{order}",
        fingerprint="",
        kind=request.kind,
        request=to_document(request),
        state=ChangeState.RUNNING,
        created_at=now,
        claimed_at=now,
    )
    with world.components.store.write() as tx:
        tx.add(row)
    return order


async def prepare_reversal(world: World) -> str:
    """Return an order of which a terminated run has settled a dearer change and not confirmed it."""
    order, store = await _sold(world), world.components.store
    bundle = await world.offer(DEARER_LIMITED, ADULT, service=world.train(line=LIMITED_LINE))
    operations = [replace(await world.lines(order), bundle)]
    body = {"kind": ChangeKind.CHANGE, "operations": operations, "confirm": True, "payment": CARD}
    request = ChangeRequest.model_validate(body)
    row = ChangeRow(
        tenant=TENANT,
        id=str(uuid.uuid4()),
        order_number=order,
        route="POST /v1/orders/{order}/changes",
        fingerprint="",
        kind=request.kind,
        request=request.model_dump_json(by_alias=True),
        state=ChangeState.WAITING,
        created_at=store.now(),
    )
    change = row.id
    with store.write() as tx:
        tx.add(row)
    executor, run = StepExecutor(world.components), CHANGE.start(GroupCommand(change=change, order=order))
    while run.next and run.next.step is not CONFIRM_SEATS:
        run.take(run.next.step.execute(executor, run.next.command))
    return order


async def _reversal(world: World, order: str) -> Answer:
    return await world.post(f"/v1/orders/{order}/attention/reverse", {"reason": "no seats are left"})


async def _reseat(world: World, order: str) -> Answer:
    return await world.post(f"/v1/orders/{order}/attention/reseat", {"reason": "the seats are gone"})


async def receive_dispute(world: World, order: str) -> Answer:
    """Serve an event of a provider, received as the API receives one; answer as a request's answer would."""
    key, store = payment_keys(world, order)[0], world.components.store
    about = {"provider": "bank", "id": str(uuid.uuid4()), "tenant": TENANT, "dispute": str(uuid.uuid4())}
    event = ProviderEvent(kind=ProviderEventKind.DISPUTE_OPENED, key=key, amount=Money(100, "NOK"), **about)
    with store.write() as tx:
        row = provider_events.receive(tx, event, store.now())
    change = (row.change if row else None) or ""
    client = OrderWorkflowClient(world.client, world.components.external_systems)
    await client.signal_event(SubmitRequest(PROVIDER_EVENT, change, order, None, ""))
    state = await world.wait_for_outcome(change)
    with store.read() as tx:
        outcome = changes.outcome_of(changes.existing(tx, change))
    status = HTTPStatus.OK if state == ChangeState.DONE else HTTPStatus.INTERNAL_SERVER_ERROR
    return Answer(status, {"change": change, "state": state, "code": outcome.code if outcome else None}, {})


_IN_ONE_GO = (
    StepName.PLAN_CHANGE,
    StepName.VALIDATE_TRAVELLERS,
    StepName.QUOTE_CHANGE,
    StepName.RESERVE_SEATS,
    StepName.SWAP_OFFER_BUNDLE,
    StepName.AUTHORISE_PAYMENT,
    StepName.SETTLE_PRICE_DIFFERENCE,
    StepName.CONFIRM_SEATS,
    StepName.CONFIRM_ORDER,
)
_UNDONE = (StepName.FIND_UNFINISHED_WORK, UNDO_STEPS, StepName.CLOSE_DRAFT, StepName.RECORD_OUTCOME)
SCENARIOS = (
    Scenario(
        "a dearer change in one go",
        _sold,
        _dearer_in_one_go,
        _IN_ONE_GO,
        (GroupName.RUN_CHANGE,),
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
        (GroupName.RUN_CHANGE,),
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
        (GroupName.RUN_CONFIRMATION,),
    ),
    Scenario(
        "a payment",
        _with_draft,
        _payment,
        (StepName.PLAN_CHANGE, StepName.AUTHORISE_PAYMENT, StepName.RECORD_OUTCOME),
        (GroupName.RUN_PAYMENT,),
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
        (GroupName.RUN_DISCARD, *_UNDONE),
    ),
    Scenario(
        "a payment after a terminated run",
        _with_an_unfinished_request,
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
        (GroupName.RUN_PAYMENT, StepName.FIND_UNFINISHED_WORK, GroupName.RUN_EXTENSION, GroupName.RUN_PAYMENT),
        broken_steps=(StepName.FIND_UNFINISHED_WORK,),
    ),
    Scenario(
        "a payout",
        order_owing,
        pay_out,
        (StepName.PLAN_CHANGE, StepName.RECORD_PAYOUT, StepName.RECORD_OUTCOME),
        (GroupName.RUN_PAYOUT,),
        broken_steps=(StepName.RECORD_PAYOUT,),
    ),
    Scenario(
        "an event of a provider",
        _with_draft,
        receive_dispute,
        (StepName.PLAN_CHANGE, StepName.LOOK_UP_PAYMENT, StepName.RECORD_PROVIDER_EVENT, StepName.RECORD_OUTCOME),
        (GroupName.RUN_PROVIDER_EVENT,),
        broken_steps=(StepName.LOOK_UP_PAYMENT, StepName.RECORD_PROVIDER_EVENT),
    ),
    Scenario(
        "a reversal",
        prepare_reversal,
        _reversal,
        (
            StepName.BEGIN_REVERSAL,
            StepName.REFUND_CAPTURES,
            StepName.RESTORE_OFFER_BUNDLE,
            StepName.RELEASE_SEATS,
            StepName.END_REVERSAL,
        ),
        (StepName.BEGIN_REVERSAL, StepName.REFUND_CAPTURES, UNDO_STEPS, StepName.END_REVERSAL),
        broken_steps=(StepName.BEGIN_REVERSAL, StepName.REFUND_CAPTURES, StepName.END_REVERSAL),
    ),
    Scenario(
        "a reseat",
        prepare_reversal,
        _reseat,
        (
            StepName.BEGIN_RESEAT,
            StepName.FIND_UNFINISHED_WORK,
            StepName.BEGIN_RESEAT,
            StepName.RESEAT,
            StepName.RECORD_OUTCOME,
            *_IN_ONE_GO,
        ),
        (
            StepName.BEGIN_RESEAT,
            StepName.FIND_UNFINISHED_WORK,
            StepName.BEGIN_RESEAT,
            StepName.RESEAT,
            StepName.RECORD_OUTCOME,
            GroupName.RUN_CHANGE,
        ),
        broken_steps=(StepName.BEGIN_RESEAT, StepName.RESEAT),
    ),
    Scenario(
        "a way back",
        _with_draft,
        _way_back,
        (
            StepName.PLAN_CHANGE,
            StepName.VALIDATE_TRAVELLERS,
            StepName.QUOTE_CHANGE,
            StepName.FIND_UNFINISHED_WORK,
            StepName.RESTORE_OFFER_BUNDLE,
            StepName.RELEASE_SEATS,
            StepName.CLOSE_DRAFT,
            StepName.RECORD_OUTCOME,
        ),
        (GroupName.RUN_CHANGE, *_UNDONE),
        broken_steps=(StepName.QUOTE_CHANGE, StepName.RESTORE_OFFER_BUNDLE, StepName.CLOSE_DRAFT),
    ),
)

# Before the pivot a step may be refused or fail. After it, and in an undo, only its result can be lost; a provider that
# refuses it is asked again.
_KEPT = (Fault.LOST, Fault.TWICE, Fault.AT_ONCE, Fault.FLAKY)
_BEFORE = (Fault.REFUSED, Fault.BROKEN, Fault.LOST_FOR_GOOD, *_KEPT)
FAULTS_OF_KIND: dict[type, tuple[Fault, ...]] = {
    Check: _BEFORE,
    Harmless: _BEFORE,
    Reversible: (*_BEFORE, Fault.LATE),
    Pivot: (Fault.REFUSED, *_KEPT),
    Final: (Fault.REFUSED, *_KEPT),
}
UNDO_FAULTS = (Fault.REFUSED, *_KEPT)
_UNDONE_AFTER = (Fault.REFUSED, Fault.BROKEN, Fault.LOST_FOR_GOOD, Fault.LATE)


def steps_of(scenario: Scenario) -> tuple[str, ...]:
    """Return the steps of a scenario. One that no scenario names yet is where its flow has it."""
    named = {name for each in SCENARIOS for name in each.steps}
    steps = list(scenario.steps)
    for flow in (each for each in FLOWS if each.name in scenario.groups):
        for before, step in pairwise(flow.steps):
            if step.name not in named and before.name in steps:
                steps.insert(steps.index(before.name) + 1, step.name)
    return tuple(steps)


def undone_after(step: str, fault: Fault) -> bool:
    """Whether a request is undone completely after a fault in a step or undo; otherwise it is done."""
    return step in by_name() and not isinstance(by_name()[step], Final) and fault in _UNDONE_AFTER


def _faults_of(step: str) -> tuple[Fault, ...]:
    if step not in by_name():
        return UNDO_FAULTS
    if step == StepName.RESEAT:
        # It follows the point of no return: refused, the change stays a case (guarantees/test_reseat.py).
        return _KEPT
    return next(faults for kind, faults in FAULTS_OF_KIND.items() if isinstance(by_name()[step], kind))


def matrix() -> Iterator[tuple[Scenario, str, Fault]]:
    """Yield every step of every scenario with every fault that its kind must survive."""
    for scenario in SCENARIOS:
        for name in steps_of(scenario) if scenario.broken_steps is None else scenario.broken_steps:
            for fault in _faults_of(name):
                yield scenario, name, fault


DATABASES = ("sqlite", "postgres")
# For a database the faults of a group are alike: no statement reached it, or the same ones did twice under one key.
_ALIKE = ((Fault.REFUSED, Fault.BROKEN, Fault.FLAKY), (Fault.LOST, Fault.TWICE))


def matrix_by_database() -> Iterator[tuple[Scenario, str, Fault, tuple[str, ...]]]:
    """Yield the matrix with the databases each case runs on: by default both.

    Of faults that are alike for a database each runs on one database, alternating from step to step.
    """
    numbers: dict[tuple[str, str], int] = {}
    for scenario, name, fault in matrix():
        number = numbers.setdefault((scenario.name, name), len(numbers))
        alike = next((group for group in _ALIKE if fault in group), None)
        databases = DATABASES if alike is None else (DATABASES[(number + alike.index(fault)) % 2],)
        yield scenario, name, fault, databases


def undo_matrix() -> Iterator[tuple[str, Fault]]:
    """Yield every undo with every fault that it must survive; that of a reseat is part of a reversal."""
    for name, step in reversible().items():
        if name != StepName.RESEAT:
            for fault in UNDO_FAULTS:
                yield step.undo_name, fault
