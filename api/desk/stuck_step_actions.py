"""Operator actions on a stuck step, retry and done by hand: preview, and execution by the API's own service."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk.draft_actions import ActionPreview
from api.desk.orders import get_order_row
from api.desk.security import key_of, reason_of
from api.desk.work_queue import StuckStepView, stuck_step
from api.services.needs_attention import progress_of
from api.services.operator_actions import OperatorAction
from api.services.operator_actions import perform as perform_action
from temporal.messages import Progress

_NOT_BY_HAND = "The step is in our own database: there is no provider at which it could be done by hand. Try it again."
_DEFAULT_REASON = "tried again at the desk"


async def preview(ctx: ApiContext, number: str, action: OperatorAction) -> ActionPreview:
    """Return the effects an action would have now. Raises ORDER_NOT_FOUND."""
    (progress,) = await progress_of(ctx.workflow_client, [number])
    event, stuck = await run_in_threadpool(_stuck, ctx, number, progress)
    path = action.replace("_", "-")
    step = f"“{stuck.description}” of {number}" if stuck else "the stuck step"
    blocked_because = None if stuck else "No step of this order is stuck, or its workflow did not answer."
    if action is OperatorAction.RETRY_NOW:
        effects = [f"{step} is retried at once under the same key: it takes effect once, however often it is tried."]
        return ActionPreview(number, path, "Try again now", "Try again now", effects, event, blocked_because)
    if stuck and not stuck.by_hand:
        blocked_because = _NOT_BY_HAND
    effects = [
        f"{step} is recorded as done at its provider. The provider is not called again.",
        "The ledger is updated, and the change continues to its end.",
        "If the step was not done there, money or seats are wrong from now on: verify it at the provider first.",
        "Your name and reason are recorded on the order permanently. Do not write names of travellers.",
        "Above the single-person limit it takes effect once a second person has stated the same, within an hour.",
    ]
    if stuck:
        effects += [f"{each.statement.actor} has stated this: “{each.statement.reason}”." for each in stuck.statements]
    if stuck and stuck.key:
        effects.insert(1, f"The step's key at the provider is {stuck.key}.")
    return ActionPreview(
        number,
        path,
        "Mark as done by hand",
        "Mark as done by hand",
        effects,
        event,
        blocked_because,
        dangerous=True,
        needs_reason=True,
    )


def _stuck(ctx: ApiContext, number: str, progress: Progress | None) -> tuple[int, StuckStepView | None]:
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        return order_row.last_event, stuck_step(tx, number, progress, ctx.store.now()) if progress else None


async def perform(ctx: ApiContext, number: str, action: OperatorAction, fields: Mapping[str, str]) -> None:
    """Retry an order's stuck step, or mark it as done by hand.

    Raises ReasonError, ORDER_NOT_FOUND, NOTHING_STUCK, NOT_BY_HAND, SECOND_PERSON_NEEDED and
    TemporalUnavailableError.
    """
    default = _DEFAULT_REASON if action is OperatorAction.RETRY_NOW else None
    reason, key = reason_of(fields, default), key_of(fields)
    await run_in_threadpool(_stuck, ctx, number, None)
    await perform_action(ctx, number, action, reason, key)
