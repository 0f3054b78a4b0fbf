"""The flows of the requests: read this file to learn which step follows which.

A change prices, holds seats and puts its lines on the draft. A confirmation settles the money, which is the point of no
return, and then confirms seats and order. What a step does stands in its class.

Adjacent steps of our own database run in one transaction (activities/groups.py), each step at an external provider by
itself. Which steps are undone, and when, is decided by the saga (workflows/saga/saga.py).
"""

from collections.abc import Generator
from typing import Any

from activities.drafts import CONFIRM_ORDER, ConfirmOrderCommand
from activities.order_lines import SWAP_OFFER_BUNDLE, SwapOfferBundleCommand
from activities.outcomes import RECORD_OUTCOME, RecordOutcomeCommand
from activities.payments import (
    AUTHORISE_PAYMENT,
    SETTLE_PRICE_DIFFERENCE,
    AuthorisePaymentCommand,
    SettlePriceDifferenceCommand,
)
from activities.payouts import RECORD_PAYOUT, RecordPayoutCommand
from activities.plans import PLAN_CHANGE, PlanChangeCommand, PlanChangeResult
from activities.provider_events import (
    LOOK_UP_PAYMENT,
    RECORD_PROVIDER_EVENT,
    LookUpPaymentCommand,
    RecordProviderEventCommand,
)
from activities.quotes import QUOTE_CHANGE, QuoteChangeCommand
from activities.seats import (
    CONFIRM_SEATS,
    EXTEND_HOLDS,
    RELEASE_REPLACED_SEATS,
    RESERVE_SEATS,
    ConfirmSeatsCommand,
    ExtendHoldsCommand,
    ReleaseReplacedSeatsCommand,
    ReserveSeatsCommand,
)
from activities.support.flow import Flow, GroupCommand, StepCall, Steps, ask
from activities.travellers import VALIDATE_TRAVELLERS, ValidateTravellersCommand
from domain.changes import ChangeState
from domain.money import Money
from temporal.names import GroupName


def _change(request: GroupCommand) -> Steps:
    """Change the draft. A request to change in one go also confirms it: all of it happens, or none."""
    about = _about(request)
    plan = yield from _plan(request)
    if plan.already_ended:
        return
    if plan.no_op and not plan.ends_draft:
        yield from _done(request)
        return
    yield from ask(VALIDATE_TRAVELLERS, ValidateTravellersCommand(**about))
    yield from ask(QUOTE_CHANGE, QuoteChangeCommand(**about))
    if plan.ends_draft:
        # What was confirmed is all that is left: the workflow undoes the draft, as if it had never been opened.
        return
    if plan.extend_holds:
        yield from ask(EXTEND_HOLDS, ExtendHoldsCommand(**about))
    if plan.seats or plan.stock:
        wishes = {"seats": plan.seats, "stock": plan.stock, "services": plan.services}
        yield from ask(RESERVE_SEATS, ReserveSeatsCommand(**about, **wishes))
    swap = yield from ask(SWAP_OFFER_BUNDLE, SwapOfferBundleCommand(**about))
    if plan.confirm:
        # What it holds was held a moment ago, for as long as an extension would.
        yield from _settle_and_confirm(request, swap.balance, extend_holds=False)
        return
    yield from _done(request)
    if swap.replaced_held_seats:
        yield from ask(RELEASE_REPLACED_SEATS, ReleaseReplacedSeatsCommand(**about))


def _confirm(request: GroupCommand) -> Steps:
    """Confirm the whole draft."""
    plan = yield from _plan(request)
    if plan.already_ended:
        return
    if plan.no_op:
        yield from _done(request)
    else:
        yield from _settle_and_confirm(request, plan.amount_due, extend_holds=True)


def _pay(request: GroupCommand) -> Steps:
    """Authorise a payment for the draft. Only the draft's confirmation captures it."""
    plan = yield from _plan(request)
    if plan.already_ended or plan.amount_due is None:
        return
    yield from ask(AUTHORISE_PAYMENT, AuthorisePaymentCommand(**_about(request), amount=plan.amount_due))
    yield from _done(request)


def _extend(request: GroupCommand) -> Steps:
    """Move the draft's deadline, after the holds on its seats."""
    plan = yield from _plan(request)
    if plan.already_ended:
        return
    yield from ask(EXTEND_HOLDS, ExtendHoldsCommand(**_about(request), expires_at=plan.expires_at))
    yield from _done(request)


def _discard(request: GroupCommand) -> Steps:
    """Check the request; the workflow then undoes the draft."""
    plan = yield from _plan(request)
    if plan.no_op and not plan.already_ended:
        yield from _done(request)


def _pay_out(request: GroupCommand) -> Steps:
    """Record that a refund was paid by hand."""
    plan = yield from _plan(request)
    if plan.already_ended:
        return
    yield from ask(RECORD_PAYOUT, RecordPayoutCommand(**_about(request)))
    yield from _done(request)


def _provider_event(request: GroupCommand) -> Steps:
    """Look up what an event of a provider is about, and record what it has changed."""
    plan = yield from _plan(request)
    if plan.already_ended:
        return
    found = yield from ask(LOOK_UP_PAYMENT, LookUpPaymentCommand(**_about(request)))
    about = {"state": found.state, "refund": found.refund}
    yield from ask(RECORD_PROVIDER_EVENT, RecordProviderEventCommand(**_about(request), **about))
    yield from _done(request)


def plan_command(request: GroupCommand) -> PlanChangeCommand:
    """Return the command of the first step of every flow."""
    more = {"operator_request": request.operator_request, "first_in_run": request.first_in_run}
    return PlanChangeCommand(**_about(request), **more)


def _plan(request: GroupCommand) -> Generator[StepCall[Any, Any], Any, PlanChangeResult]:
    return (yield from ask(PLAN_CHANGE, plan_command(request)))


def _settle_and_confirm(request: GroupCommand, amount_due: Money | None, *, extend_holds: bool) -> Steps:
    about = _about(request)
    if extend_holds:
        yield from ask(EXTEND_HOLDS, ExtendHoldsCommand(**about))
    if amount_due and amount_due.minor > 0:
        yield from ask(AUTHORISE_PAYMENT, AuthorisePaymentCommand(**about, amount=amount_due))
    yield from ask(SETTLE_PRICE_DIFFERENCE, SettlePriceDifferenceCommand(**about))
    yield from ask(CONFIRM_SEATS, ConfirmSeatsCommand(**about, reseat=request.reseat))
    yield from ask(CONFIRM_ORDER, ConfirmOrderCommand(**about))


def _done(request: GroupCommand) -> Steps:
    yield from ask(RECORD_OUTCOME, RecordOutcomeCommand(**_about(request), state=ChangeState.DONE))


def _about(request: GroupCommand) -> dict[str, Any]:
    return {"change": request.change, "order": request.order}


_SETTLE_AND_CONFIRM = (AUTHORISE_PAYMENT, SETTLE_PRICE_DIFFERENCE, CONFIRM_SEATS, CONFIRM_ORDER)
CHANGE = Flow(
    GroupName.RUN_CHANGE,
    (
        PLAN_CHANGE,
        VALIDATE_TRAVELLERS,
        QUOTE_CHANGE,
        EXTEND_HOLDS,
        RESERVE_SEATS,
        SWAP_OFFER_BUNDLE,
        *_SETTLE_AND_CONFIRM,
        RECORD_OUTCOME,
        RELEASE_REPLACED_SEATS,
    ),
    _change,
)
CONFIRM = Flow(GroupName.RUN_CONFIRMATION, (PLAN_CHANGE, EXTEND_HOLDS, *_SETTLE_AND_CONFIRM, RECORD_OUTCOME), _confirm)
PAY = Flow(GroupName.RUN_PAYMENT, (PLAN_CHANGE, AUTHORISE_PAYMENT, RECORD_OUTCOME), _pay)
EXTEND = Flow(GroupName.RUN_EXTENSION, (PLAN_CHANGE, EXTEND_HOLDS, RECORD_OUTCOME), _extend)
DISCARD = Flow(GroupName.RUN_DISCARD, (PLAN_CHANGE, RECORD_OUTCOME), _discard)
PAY_OUT = Flow(GroupName.RUN_PAYOUT, (PLAN_CHANGE, RECORD_PAYOUT, RECORD_OUTCOME), _pay_out)
PROVIDER_EVENT = Flow(
    GroupName.RUN_PROVIDER_EVENT,
    (PLAN_CHANGE, LOOK_UP_PAYMENT, RECORD_PROVIDER_EVENT, RECORD_OUTCOME),
    _provider_event,
)
FLOWS = (CHANGE, CONFIRM, PAY, EXTEND, DISCARD, PAY_OUT, PROVIDER_EVENT)
"""Every flow. Their names and steps are pinned per release: what stands inside a group does not replay."""
