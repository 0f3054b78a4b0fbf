"""The registry of steps: one list of instances, from which the lists of activities, undos and faults are derived."""

from collections.abc import Callable
from functools import partial
from typing import Any

from temporalio import activity

from activities.drafts import CLOSE_DRAFT, CONFIRM_ORDER
from activities.order_lines import SWAP_OFFER_BUNDLE
from activities.outcomes import RECORD_OUTCOME
from activities.payments import AUTHORISE_PAYMENT, SETTLE_PRICE_DIFFERENCE
from activities.payouts import RECORD_PAYOUT
from activities.plans import PLAN_CHANGE
from activities.quotes import QUOTE_CHANGE
from activities.recovery import FIND_UNFINISHED_WORK
from activities.seats import CONFIRM_SEATS, EXTEND_HOLDS, RELEASE_REPLACED_SEATS, RESERVE_SEATS
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Nothing, Reversible, Step
from activities.travellers import VALIDATE_TRAVELLERS

AnyStep = Step[Any, Any]

STEPS: tuple[AnyStep, ...] = (
    PLAN_CHANGE,
    VALIDATE_TRAVELLERS,
    QUOTE_CHANGE,
    EXTEND_HOLDS,
    RESERVE_SEATS,
    SWAP_OFFER_BUNDLE,
    AUTHORISE_PAYMENT,
    SETTLE_PRICE_DIFFERENCE,
    CONFIRM_SEATS,
    CONFIRM_ORDER,
    RELEASE_REPLACED_SEATS,
    CLOSE_DRAFT,
    RECORD_OUTCOME,
    FIND_UNFINISHED_WORK,
    RECORD_PAYOUT,
)
"""Every step. A new one is added here, and its class beside its command."""

BY_NAME: dict[str, AnyStep] = {step.name: step for step in STEPS}
REVERSIBLE: dict[str, Reversible[Any, Any]] = {step.name: step for step in STEPS if isinstance(step, Reversible)}
UNDOS: dict[str, Reversible[Any, Any]] = {step.undo_name: step for step in REVERSIBLE.values()}
"""The steps that have an undo, by the name of the undo."""


def step_activities(executor: StepExecutor) -> list[Callable[..., Any]]:
    """Return the activities of all steps and undos."""
    steps = [_activity(step.name, step, step.result_type, partial(step.execute, executor)) for step in STEPS]
    undos = [_activity(name, step, Nothing, partial(executor.undo, step)) for name, step in UNDOS.items()]
    return [*steps, *undos]


def _activity(name: str, step: AnyStep, result_type: type, run: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return an activity that runs a step or an undo.

    With `no_thread_cancel_exception` an activity that times out runs to its end. Otherwise the SDK would raise in its
    thread at any point, and the store's writer lock could be acquired and never released.
    """

    def execute(command: Any) -> Any:
        return run(command)

    execute.__name__ = name
    # The SDK reads from them what to decode.
    execute.__annotations__ = {"command": step.command_type, "return": result_type}
    return activity.defn(name=name, no_thread_cancel_exception=True)(execute)
