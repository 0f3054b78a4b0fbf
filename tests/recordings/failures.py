"""Stories of drafts in which a step failed: undone at each step, or stuck until an operator acted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus

import pytest
from temporalio.client import WorkflowUpdateFailedError

from cli.faults.injection import Armed, Fault
from temporal.names import GroupName, StepName
from tests.recordings.story import Story, dearer, drafted, of_order, with_fault
from tests.support.canary import ADULT
from tests.support.scenarios import prepare_reversal
from tests.support.stuck_orders import lose_holds, wait_until_step_is_stuck
from tests.support.world import CARD, World
from workflows.order_draft import OrderDraft
from workflows.saga import step_runner

ATTENTION_SOON = timedelta(seconds=3)


async def _failed_and_undone(world: World) -> str:
    order = await world.sold(ADULT)
    operation = await dearer(world, order)
    world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.LOST_FOR_GOOD)
    await world.change(order, operation)
    return order


async def _answers_of_the_group_lost(world: World) -> str:
    order = await world.sold(ADULT)
    operation = await dearer(world, order)
    world.faults.arm(order, GroupName.RUN_CHANGE, Fault.LOST_FOR_GOOD)
    await world.change(order, operation)
    world.faults.clear()
    await world.discard(order)
    return order


def _undone_at(step: str, fault: Fault = Fault.BROKEN) -> Story:
    async def play(world: World) -> str:
        order, change = await with_fault(world, step, fault)
        await change
        return order

    return of_order(play)


async def _confirmation_undone_at_its_holds(world: World) -> str:
    order = await drafted(world)
    world.faults.arm(order, StepName.EXTEND_HOLDS, Fault.BROKEN)
    await world.confirm(order, CARD)
    world.faults.clear()
    await world.discard(order)
    return order


async def _undone_in_a_draft_that_lives_on(world: World) -> str:
    order = await drafted(world)
    operation = await dearer(world, order)
    world.faults.arm(order, StepName.SWAP_OFFER_BUNDLE, Fault.LOST_FOR_GOOD)
    await world.change(order, operation)
    world.faults.clear()
    await world.confirm(order, CARD)
    return order


@asynccontextmanager
async def _stuck(world: World, step: str, after_refusal_at: str | None = None) -> AsyncIterator[tuple[str, Armed]]:
    """Yield an order whose change in one go is stuck in a step, and its fault, which the block may end."""
    usual, step_runner.ATTENTION_AFTER = step_runner.ATTENTION_AFTER, ATTENTION_SOON
    order, _ = await with_fault(world, step, Fault.DOWN)
    if after_refusal_at:
        world.faults.arm(order, after_refusal_at, Fault.REFUSED)
    armed = world.faults.find(order, step)
    assert armed
    async with asyncio.timeout(50):
        await armed.reached.wait()
        while (await world.workflow(order).query(OrderDraft.progress)).stuck is None:  # noqa: ASYNC110 - only a query shows it
            await asyncio.sleep(0.05)
    yield order, armed
    step_runner.ATTENTION_AFTER = usual


def _retried(step: str, after_refusal_at: str | None = None) -> Callable[[World], Awaitable[str]]:
    async def play(world: World) -> str:
        async with _stuck(world, step, after_refusal_at) as (order, armed):
            await world.confirm(order, CARD)
            armed.fault = Fault.LOST
            await world.workflow(order).execute_update("retry_now", {"reason": "it is back"})
        return order

    return play


def _by_hand(step: str, after_refusal_at: str | None = None) -> Callable[[World], Awaitable[str]]:
    async def play(world: World) -> str:
        async with _stuck(world, step, after_refusal_at) as (order, _):
            await world.workflow(order).execute_update("done_by_hand", {"reason": "done at the counter"})
        return order

    return play


async def _by_hand_by_two_people(world: World) -> str:
    """The first statement is refused, and the second one, through the API, is accepted."""
    async with _stuck(world, StepName.SETTLE_PRICE_DIFFERENCE) as (order, _):
        world.faults.arm(order, StepName.CHECK_DONE_BY_HAND, Fault.REFUSED)
        with pytest.raises(WorkflowUpdateFailedError):
            await world.workflow(order).execute_update("done_by_hand", {"reason": "done at the counter"})
        accepted = await world.send(
            "POST", f"/v1/orders/{order}/attention/done-by-hand", {"reason": "seen in the list"}
        )
        assert accepted.status == 204, accepted.body
    return order


async def _still_stuck(world: World) -> str:
    async with _stuck(world, StepName.SETTLE_PRICE_DIFFERENCE) as (order, _):
        return order


def _taken_out(way: str) -> Callable[[World], Awaitable[str]]:
    """Let the seats of a paid change be gone, and an operator reverse or reseat it."""

    async def play(world: World) -> str:
        usual, step_runner.ATTENTION_AFTER = step_runner.ATTENTION_AFTER, ATTENTION_SOON
        order = await world.sold(ADULT)
        operation = await dearer(world, order)
        armed = world.faults.arm(order, StepName.CONFIRM_SEATS, Fault.MEDDLED)
        armed.meddle = lambda: lose_holds(world, order)
        await world.change(order, operation, confirm=True, payment=CARD, Prefer="respond-async")
        await wait_until_step_is_stuck(world, order, StepName.CONFIRM_SEATS)
        answer = await world.post(f"/v1/orders/{order}/attention/{way}", {"reason": "the seats are gone"})
        assert answer.status == HTTPStatus.OK, answer.body
        step_runner.ATTENTION_AFTER = usual
        return order

    return play


async def _reversed_by_a_new_run(world: World) -> str:
    order = await prepare_reversal(world)
    answer = await world.post(f"/v1/orders/{order}/attention/reverse", {"reason": "the seats are gone"})
    assert answer.status == HTTPStatus.OK, answer.body
    return order


STORIES: dict[str, Story] = {
    "answers-of-the-group-lost": of_order(_answers_of_the_group_lost),
    "broken-and-undone": of_order(_failed_and_undone),
    "undone-at-plan-change": _undone_at(StepName.PLAN_CHANGE),
    "undone-at-validate-travellers": _undone_at(StepName.VALIDATE_TRAVELLERS),
    "undone-at-quote-change": _undone_at(StepName.QUOTE_CHANGE),
    "undone-at-reserve-seats": _undone_at(StepName.RESERVE_SEATS),
    "undone-at-swap-offer-bundle": _undone_at(StepName.SWAP_OFFER_BUNDLE),
    "undone-at-extend-holds": of_order(_confirmation_undone_at_its_holds),
    "undone-at-authorise-payment": _undone_at(StepName.AUTHORISE_PAYMENT),
    "refused-at-settle-price-difference": _undone_at(StepName.SETTLE_PRICE_DIFFERENCE, Fault.REFUSED),
    "undone-in-a-draft-that-lives-on": of_order(_undone_in_a_draft_that_lives_on),
    "attention-undo-retried": of_order(_retried(StepName.RELEASE_SEATS, StepName.AUTHORISE_PAYMENT)),
    "attention-undo-done-by-hand": of_order(
        _by_hand(StepName.VOID_PAYMENT, StepName.SETTLE_PRICE_DIFFERENCE), external=True
    ),
    "attention-settlement-retried": of_order(_retried(StepName.SETTLE_PRICE_DIFFERENCE)),
    "attention-settlement-done-by-hand": of_order(_by_hand(StepName.SETTLE_PRICE_DIFFERENCE), external=True),
    "attention-confirmation-retried": of_order(_retried(StepName.CONFIRM_ORDER)),
    "attention-settlement-done-by-hand-by-two-people": of_order(_by_hand_by_two_people, external=True),
    "attention-confirmation-reversed": of_order(_taken_out("reverse")),
    "attention-confirmation-reseated": of_order(_taken_out("reseat")),
    "reversed-by-a-new-run": of_order(_reversed_by_a_new_run),
    "open-attention": of_order(_still_stuck, left_open=True),
}
