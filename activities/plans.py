"""The first step of everything asked of an order: claims the request and works out what it means."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.recovery import OpenDraft, open_draft
from activities.support.deadlines import Deadlines
from activities.support.errors import RecoveryRequiredError
from activities.support.planning_context import ContextLoader, PlanningContext
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Check, Command
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from domain.dual_control import LOCAL, TEMPORAL
from domain.money import Money
from domain.orders import Order, OrderStatus
from domain.planning.plan_change import plan_change
from domain.preconditions import check_confirm, check_extend, check_pay
from domain.refusals import OrderErased, StaleOrder
from domain.request_summary import summarise
from store import erasure
from store.changes import changes, unfinished
from store.orders.events import EventType, append
from store.orders.orders import lock_order
from store.tables import ChangeRow, OrderRow
from temporal.names import StepName, System

TEMPORAL_UPDATE_ROUTE = "temporal-update"
"""The route of what an operator asked for in Temporal itself."""
IN_TEMPORAL = "in Temporal"
"""Why, when they did not say."""
UNKNOWN_CHANGE = "UNKNOWN_CHANGE"
"""There is no request of that id on this order."""


class OperatorRequest(BaseModel):
    """What an operator asked for with an update of their own, without a request from the API."""

    kind: ChangeKind
    expires_at: datetime | None = None
    reason: str = ""


class PlanChangeCommand(Command):
    """Plan what a request asks."""

    step: ClassVar[str] = StepName.PLAN_CHANGE
    operator_request: OperatorRequest | None = None
    first_in_run: bool = False
    """Whether this is the first step of a run that knows nothing of an earlier one."""

    def summary(self) -> str:
        """Say what is asked."""
        return "claim the request and plan it"


class PlanChangeResult(BaseModel):
    """What the workflow must know of a plan."""

    already_ended: ChangeState | None = None
    """How the request ended already; then nothing is to be done."""
    code: str | None = None
    no_op: bool = False
    """There is nothing to do: confirming a confirmed order, discarding no draft, a position as it is asked."""
    confirm: bool = False
    seats: int = 0
    services: tuple[str, ...] = ()
    amount_due: Money | None = None
    extend_holds: bool = False
    """Whether what the draft holds must last longer before it is changed again."""
    expires_at: datetime | None = None
    ever_confirmed: bool = False
    correlation_id: str | None = None
    channel: str | None = None
    summary: str = ""
    """What the request asks, in words: counts and deadlines, nobody's name."""
    open_draft: OpenDraft | None = None


class PlanActivities:
    """Plans requests."""

    def __init__(self, once: StepExecutor, looks: ContextLoader, deadlines: Deadlines) -> None:
        self._once = once
        self._looks = looks
        self._deadlines = deadlines

    @activity.defn(name=StepName.PLAN_CHANGE, no_thread_cancel_exception=True)
    def plan_change(self, command: PlanChangeCommand) -> PlanChangeResult:
        """Claim a request, or say that it was answered; then plan it.

        Its state and If-Match are compared here, in turn, not when it arrived. Raises every refusal
        that needs no more than a look at the order, and LookBackFirstError when an earlier run left
        another request half done: nothing is planned on such an order.
        """
        claimed = self._claim(command)
        if claimed.already_ended:
            return claimed

        def note(tx: Session, order: OrderRow, seen: PlanningContext) -> PlanChangeResult:
            return self._plan(tx, order, command, seen)

        planned = self._once.run(
            command, PlanChangeResult, self._looks.offers, self._looks.loader_for(command.change), note
        )
        # The draft as it is now: an answer remembered from before a reset tells of another time.
        return planned.model_copy(update={"open_draft": claimed.open_draft})

    def _claim(self, command: PlanChangeCommand) -> PlanChangeResult:
        """Return how the request was answered already, or the draft an earlier run left."""
        store = self._once.store
        with store.write() as tx:
            order = lock_order(tx, command.order)
            if command.operator_request:
                changes.add(tx, _row_by_hand(order, command, store.now()))
            if not changes.claim(tx, command.change, command.order, store.now()):
                return _already_ended(tx, command)
            if order.erased_at is not None:
                erasure.erase_request(tx, command.change)
            left = open_draft(tx, order) if command.first_in_run else None
            half_done = command.first_in_run and unfinished.has_unfinished_work(tx, command.order, command.change)
        if half_done:
            raise RecoveryRequiredError
        return PlanChangeResult(open_draft=left)

    def _plan(self, tx: Session, head: OrderRow, command: PlanChangeCommand, seen: PlanningContext) -> PlanChangeResult:
        if head.erased_at is not None:
            raise OrderErased
        row = changes.existing(tx, command.change)
        if seen.request.if_match is not None and head.last_event not in seen.request.if_match:
            raise StaleOrder
        planned = self._by_kind(tx, head, row, seen)
        if seen.request.reason is not None:
            asked = {"action": str(row.kind), "actor": _who(row), "reason": seen.request.reason}
            append(tx, head, EventType.OPERATOR_REQUEST, row.id, self._once.store.now(), asked)
        return planned.model_copy(
            update={
                "ever_confirmed": seen.order.confirmed_version > 0,
                "correlation_id": row.correlation_id,
                "channel": head.distribution_channel,
                "summary": summarise(seen.request),
            }
        )

    def _by_kind(self, tx: Session, head: OrderRow, row: ChangeRow, seen: PlanningContext) -> PlanChangeResult:
        order, request = seen.order, seen.request
        match request.kind:
            case ChangeKind.CHANGE:
                return self._change(tx, head, row, seen)
            case ChangeKind.CONFIRM if order.status is OrderStatus.CONFIRMED:
                return PlanChangeResult(no_op=True)
            case ChangeKind.CONFIRM:
                owed = check_confirm(order, seen.catalogue.products, pays=request.payment is not None)
                return PlanChangeResult(amount_due=owed)
            case ChangeKind.PAY:
                return PlanChangeResult(amount_due=check_pay(order, request.amount))
            case ChangeKind.EXTEND:
                check_extend(order)
                return PlanChangeResult(expires_at=request.expires_at)
            case _:
                return PlanChangeResult(no_op=order.draft_opened_by is None)

    def _change(self, tx: Session, head: OrderRow, row: ChangeRow, seen: PlanningContext) -> PlanChangeResult:
        plan = plan_change(seen.order, seen.request, seen.catalogue, head.next_line, head.next_position)
        head.next_line, head.next_position = plan.next_line, plan.next_position
        changes.record_findings(tx, row.id, plan=plan.model_dump_json())
        services = tuple(dict.fromkeys(wish.service for wish in plan.seats))
        count = sum(wish.count for wish in plan.seats)
        extend = not plan.no_op and self._short(head, seen.order)
        return PlanChangeResult(
            no_op=plan.no_op, confirm=plan.confirm, seats=count, services=services, extend_holds=extend
        )

    def _short(self, head: OrderRow, order: Order) -> bool:
        """Whether many changes in a row have used up half of what holds last longer than the draft."""
        until = self._deadlines.draft_ends(head, self._once.store.now()) + self._deadlines.margin / 2
        return any(each.expires_at and each.expires_at < until for each in order.reservations)


def _already_ended(tx: Session, command: PlanChangeCommand) -> PlanChangeResult:
    row = changes.of_id(tx, command.change)
    outcome = changes.outcome_of(row) if row and row.order_number == command.order else None
    if outcome is None:
        return PlanChangeResult(already_ended=ChangeState.REFUSED, code=UNKNOWN_CHANGE)
    return PlanChangeResult(already_ended=outcome.state, code=outcome.code)


def _who(row: ChangeRow) -> str:
    return row.client or (TEMPORAL if row.route == TEMPORAL_UPDATE_ROUTE else LOCAL)


def _row_by_hand(order: OrderRow, command: PlanChangeCommand, now: datetime) -> ChangeRow:
    by_hand = command.operator_request or OperatorRequest(kind=ChangeKind.DISCARD)
    reason = by_hand.reason or IN_TEMPORAL
    request = ChangeRequest(kind=by_hand.kind, expires_at=by_hand.expires_at, reason=reason)
    return ChangeRow(
        tenant=order.tenant,
        id=command.change,
        order_number=order.number,
        route=TEMPORAL_UPDATE_ROUTE,
        fingerprint="",
        kind=by_hand.kind,
        request=request.model_dump_json(by_alias=True),
        state=ChangeState.WAITING,
        created_at=now,
    )


PLAN_CHANGE = Check(PlanChangeCommand, PlanActivities.plan_change, system=System.STORE)
