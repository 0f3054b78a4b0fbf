"""Helping a stuck step: what it would do, and doing it by the same function as the API."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk.draft_actions import ActionPreview
from api.desk.orders import head_of
from api.desk.security import key_of, reason_of
from api.desk.work_queue import StuckStepView, stuck_step
from api.services.needs_attention import progress_of
from api.services.operator_actions import OperatorAction
from api.services.operator_actions import perform as perform_action
from temporal.messages import Progress

_UNASKED = "tried again at the desk"


async def preview(ctx: ApiContext, number: str, how: OperatorAction) -> ActionPreview:
    """Return what helping would do now. Raises ORDER_NOT_FOUND."""
    (progress,) = await progress_of(ctx.workflow_client, [number])
    event, stuck = await run_in_threadpool(_stuck, ctx, number, progress)
    act, what = how.replace("_", "-"), f"“{stuck.description}” of {number}" if stuck else "the stuck step"
    hindrance = None if stuck else "No step of this order is stuck, or its workflow could not be asked."
    if how is OperatorAction.RETRY_NOW:
        does = [f"{what} is tried again at once, under the same key: it happens once however often it is tried."]
        return ActionPreview(number, act, "Try again now", "Try again now", does, event, hindrance)
    does = [
        f"{what} is taken for done at its provider. The provider is not asked any more.",
        "Our own books are mended, and the change goes on to its end.",
        "If it was not done there, money or seats are wrong from now on: look before you say so.",
        "Who says so and why is recorded on the order, for ever. No names of travellers, please.",
        "Above what one person may say alone it is done once a second one has said the same, within an hour.",
    ]
    if stuck:
        does += [f"{each.saying.actor} said so already: “{each.saying.reason}”." for each in stuck.statements]
    if stuck and stuck.key:
        does.insert(1, f"The provider knows it under the key {stuck.key}.")
    return ActionPreview(
        number,
        act,
        "Say it was done by hand",
        "It was done by hand",
        does,
        event,
        hindrance,
        dangerous=True,
        needs_reason=True,
    )


def _stuck(ctx: ApiContext, number: str, progress: Progress | None) -> tuple[int, StuckStepView | None]:
    with ctx.store.read() as tx:
        head = head_of(tx, number)
        return head.last_event, stuck_step(tx, number, progress, ctx.store.now()) if progress else None


async def perform(ctx: ApiContext, number: str, how: OperatorAction, fields: Mapping[str, str]) -> None:
    """Help an order's stuck step.

    Raises ReasonError, ORDER_NOT_FOUND, NOTHING_STUCK, SECOND_PERSON_NEEDED, and EngineUnreachableError.
    """
    reason, key = reason_of(fields, _UNASKED if how is OperatorAction.RETRY_NOW else None), key_of(fields)
    await run_in_threadpool(_stuck, ctx, number, None)
    await perform_action(ctx, number, how, reason, key)
