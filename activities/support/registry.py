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
from activities.provider_events import LOOK_UP_PAYMENT, RECORD_PROVIDER_EVENT
from activities.quotes import QUOTE_CHANGE
from activities.recovery import FIND_UNFINISHED_WORK
from activities.reseats import BEGIN_RESEAT, HOLD_OTHER_SEATS
from activities.reversals import BEGIN_REVERSAL, END_REVERSAL, REFUND_CAPTURES
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
    LOOK_UP_PAYMENT,
    RECORD_PROVIDER_EVENT,
    BEGIN_RESEAT,
    HOLD_OTHER_SEATS,
    BEGIN_REVERSAL,
    REFUND_CAPTURES,
    END_REVERSAL,
)
"""Every step. A new one is added here, and its class beside its command."""


def by_name() -> dict[str, AnyStep]:
    """Return every step, by its name."""
    return {step.name: step for step in STEPS}


def reversible() -> dict[str, Reversible[Any, Any]]:
    """Return the steps that have an undo, by their names."""
    return {step.name: step for step in STEPS if isinstance(step, Reversible)}


def undos() -> dict[str, Reversible[Any, Any]]:
    """Return the steps that have an undo, by the name of the undo."""
    return {step.undo_name: step for step in STEPS if isinstance(step, Reversible)}


def step_of(act: str) -> AnyStep | None:
    """Return a step by its name or by the name of its undo; None for one that this build does not know."""
    return by_name().get(act) or undos().get(act)


def step_activities(executor: StepExecutor) -> list[Callable[..., Any]]:
    """Return the activities of all steps and undos."""
    steps = [
        define_activity(step.name, step.command_type, step.result_type, partial(step.execute, executor))
        for step in STEPS
    ]
    of_undos = [
        define_activity(name, step.command_type, Nothing, partial(executor.undo, step))
        for name, step in undos().items()
    ]
    return [*steps, *of_undos]


def define_activity(name: str, command_type: type, result_type: type, run: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return an activity that runs a step, an undo or a group.

    With `no_thread_cancel_exception` an activity that times out runs to its end. Otherwise the SDK would raise in its
    thread at any point, and the store's writer lock could be acquired and never released.
    """

    def execute(command: Any) -> Any:
        return run(command)

    execute.__name__ = name
    # The SDK reads from them what to decode.
    execute.__annotations__ = {"command": command_type, "return": result_type}
    return activity.defn(name=name, no_thread_cancel_exception=True)(execute)
