"""The first step of every request: claims the request and plans it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar, final

from pydantic import BaseModel, Field
from sqlmodel import Session

from activities.recovery import OpenDraft, open_draft
from activities.support.deadlines import latest_deadline, set_limit
from activities.support.errors import RecoveryRequiredError
from activities.support.planning_context import PlanningContext
from activities.support.step_context import StepContext
from activities.support.step_kinds import Check, Command, Executor
from domain import formats
from domain.changes import ChangeKind, ChangeRequest, ChangeState
from domain.formats import NewerWorkerNeededError
from domain.money import Money
from domain.orders import Order, OrderStatus
from domain.planning.plan_change import plan_change
from domain.preconditions import check_confirm, check_extend, check_pay
from domain.quote_change import check_plan_times
from domain.refusals import DraftEnded, OrderCancelled, OrderEmpty, OrderErased, OrderExpired, Refusal, StaleOrder
from domain.request_summary import summarise
from store import erasure
from store.changes import changes, unfinished
from store.database.documents import to_document
from store.orders.events import EventType, append, last_draft_end
from store.orders.orders import lock_order
from store.tables import ChangeRow, OrderRow
from temporal.names import NEWER_WORKER_NEEDED, StepName, System

IN_TEMPORAL = "in Temporal"
"""The reason of such a request if the operator gave none."""
_BY_HAND = (
    ChangeKind.CONFIRM,
    ChangeKind.DISCARD,
    ChangeKind.EXTEND,
    ChangeKind.PAYOUT,
    ChangeKind.REVERSE,
    ChangeKind.RESEAT,
)
"""Requests that an operator may send by hand: with a reason they are an event of the order."""
UNKNOWN_CHANGE = "UNKNOWN_CHANGE"
"""The order has no request with that id."""


class OperatorRequest(BaseModel):
    """An operator's request by an update in Temporal itself, without a request from the API."""

    kind: ChangeKind
    expires_at: datetime | None = None
    reason: str = ""


class PlanChangeCommand(Command):
    """Claim a request and plan it."""

    step: ClassVar[str] = StepName.PLAN_CHANGE
    operator_request: OperatorRequest | None = None
    first_in_run: bool = False
    """Whether this is the first step of a run that does not know the draft of an earlier run."""

    def summary(self) -> str:
        """Describe the step."""
        return "claim the request and plan it"


class PlanChangeResult(BaseModel):
    """The parts of a plan that the workflow needs."""

    already_ended: ChangeState | None = None
    """The outcome that the request has already; then there is nothing to do."""
    code: str | None = None
    no_op: bool = False
    """Whether nothing changes: confirming a confirmed order, discarding no draft, setting a position to what it is."""
    confirm: bool = False
    ends_draft: bool = False
    """Whether the order is as it was confirmed, so that the draft ends."""
    seats: int = 0
    stock: dict[str, int] = Field(default={})
    """How many units of each product or supplement have to be held."""
    services: tuple[str, ...] = ()
    amount_due: Money | None = None
    extend_holds: bool = False
    """Whether the draft's holds must be extended before the change."""
    expires_at: datetime | None = None
    ever_confirmed: bool = False
    correlation_id: str | None = None
    channel: str | None = None
    summary: str = ""
    """The request in words: counts and deadlines, no personal data."""
    open_draft: OpenDraft | None = None
    recovery_required: bool = False
    """Whether an earlier run left another request unfinished; it must be finished first."""


@final
class PlanChange(Check[PlanChangeCommand, PlanChangeResult]):
    """Claims a request and plans it, or returns its outcome if it has one.

    The order's status and If-Match are checked here, when the request has its turn, not when it arrived. Raises every
    refusal that can be found by reading the order and the catalogue, and RecoveryRequiredError when an earlier run left
    another request unfinished: no request is planned on such an order.
    """

    system = System.STORE

    def execute(self, executor: Executor, command: PlanChangeCommand) -> PlanChangeResult:
        """Claim the request, then plan it."""
        context = executor.context
        with leaves_to_newer_worker(context, command.change), context.store.write() as tx:
            claimed = claim(context, tx, lock_order(tx, command.order), command)
        if claimed.recovery_required:
            raise RecoveryRequiredError
        if claimed.already_ended:
            return claimed
        planned = executor.run(self, command)
        # Use the draft just read: after a reset the recorded result holds an outdated one.
        return planned.model_copy(update={"open_draft": claimed.open_draft})

    def calls_outside(self, context: StepContext) -> bool:
        """Whether the offer catalogue, which is read, is external."""
        return context.offers.external

    def call(self, context: StepContext, order: OrderRow, command: PlanChangeCommand) -> PlanningContext:
        """Read order, request and catalogue."""
        return context.planning.load(order, command.change)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: PlanChangeCommand, response: PlanningContext
    ) -> PlanChangeResult:
        """Plan the request, and keep the plan with it."""
        row, request = changes.existing(tx, command.change), response.request
        # What has happened to money at a provider is recorded on an erased order, too: it is nothing personal.
        if order.erased_at is not None and request.kind is not ChangeKind.PROVIDER_EVENT:
            raise OrderErased
        if request.if_match is not None and order.last_event not in request.if_match:
            raise StaleOrder
        planned = _plan_by_kind(context, tx, order, row, response)
        record_operator_request(tx, order, row, context.store.now())
        return planned.model_copy(
            update={
                "ever_confirmed": response.order.confirmed_version > 0,
                "correlation_id": row.correlation_id,
                "channel": order.distribution_channel,
                "summary": summarise(request),
            }
        )


def record_operator_request(tx: Session, order: OrderRow, row: ChangeRow, now: datetime) -> None:
    """Append an event for a request that an operator sent by hand with a reason, also when it is refused later."""
    if changes.request_of(row).reason is not None and row.kind in _BY_HAND:
        # The reason is text of a client: it stays with the request, where an erasure blanks it.
        data = {"action": str(row.kind), "actor": changes.sender_of(row).client}
        append(tx, order, EventType.OPERATOR_REQUEST, row.id, now, data)


@contextmanager
def leaves_to_newer_worker(context: StepContext, change: str) -> Iterator[None]:
    """Record why a request waits, if this release may not claim it; then raise NewerWorkerNeededError again."""
    try:
        yield
    except NewerWorkerNeededError:
        with context.store.write() as tx:
            changes.record_dispatch_error(tx, change, NEWER_WORKER_NEEDED)
        raise


def claim(context: StepContext, tx: Session, order: OrderRow, command: PlanChangeCommand) -> PlanChangeResult:
    """Claim a request for a run, under its order's lock, and find what an earlier run left.

    Returns the outcome that the request has already, or else the draft that is open; `recovery_required` means that
    another request must be finished first. Raises NewerWorkerNeededError when this release does not know the format
    of the request; then it is not claimed.
    """
    now = context.store.now()
    if command.operator_request:
        changes.add(tx, _change_of_operator(order, command, now))
    if not changes.claim(tx, command.change, command.order, now):
        return _already_ended(tx, command)
    if order.erased_at is not None:
        erasure.erase_request(tx, command.change)
    if not command.first_in_run:
        return PlanChangeResult()
    unfinished_work = unfinished.has_unfinished_work(tx, command.order, command.change)
    return PlanChangeResult(open_draft=open_draft(tx, order), recovery_required=unfinished_work)


def _plan_by_kind(
    context: StepContext, tx: Session, order_row: OrderRow, row: ChangeRow, planning: PlanningContext
) -> PlanChangeResult:
    order, request = planning.order, planning.request
    match request.kind:
        case ChangeKind.CHANGE:
            return _plan_lines(context, tx, order_row, row, planning)
        case ChangeKind.CONFIRM if order.draft_opened_by is None:
            return _confirm_without_draft(tx, order, request)
        case ChangeKind.CONFIRM:
            return _plan_confirmation(context, order_row, planning)
        case ChangeKind.PAY:
            due = check_pay(order, request.amount, planning.catalogue, context.store.now())
            return PlanChangeResult(amount_due=due)
        case ChangeKind.EXTEND:
            latest = latest_deadline(tx, order_row, context.external_systems, extending=True)
            check_extend(order, request.expires_at, latest)
            return PlanChangeResult(expires_at=request.expires_at)
        case _:
            return PlanChangeResult(no_op=order.draft_opened_by is None)


def _plan_lines(
    context: StepContext, tx: Session, order_row: OrderRow, row: ChangeRow, planning: PlanningContext
) -> PlanChangeResult:
    now = context.store.now()
    numbers = (order_row.next_line, order_row.next_position)
    plan = plan_change(planning.order, planning.request, planning.catalogue, *numbers, now, row.id)
    check_plan_times(planning.order, plan, planning.catalogue, now)
    order_row.next_line, order_row.next_position = plan.next_line, plan.next_position
    changes.record_findings(tx, row.id, plan=to_document(plan), needs=formats.needs(plan))
    places = [wish.service for wish in plan.seats] + [wish.service or str(wish.day) for wish in plan.stock]
    stock: Counter[str] = Counter()
    for wish in plan.stock:
        stock[wish.item] += len(wish.lines)
    touches_holds = not (plan.no_op or plan.ends_draft)
    return PlanChangeResult(
        no_op=plan.no_op,
        confirm=plan.confirm,
        ends_draft=plan.ends_draft,
        seats=sum(wish.count for wish in plan.seats),
        stock=dict(stock),
        services=tuple(dict.fromkeys(places)),
        extend_holds=touches_holds and _holds_run_short(context, order_row, planning.order),
    )


def _plan_confirmation(context: StepContext, order_row: OrderRow, planning: PlanningContext) -> PlanChangeResult:
    """Check a confirmation; its earliest time limit is looked at again before money moves."""
    now = context.store.now()
    amount_due, limit = check_confirm(planning.order, planning.request, planning.catalogue, now)
    set_limit(order_row, limit)
    return PlanChangeResult(amount_due=amount_due)


def _holds_run_short(context: StepContext, order_row: OrderRow, order: Order) -> bool:
    """Whether repeated changes have used up half of the margin by which holds outlast the draft."""
    deadlines = context.deadlines
    until = deadlines.draft_ends(order_row, context.store.now()) + deadlines.margin / 2
    ends = [each.expires_at for each in order.reservations] + [each.expires_at for each in order.units]
    return any(each and each < until for each in ends)


def _confirm_without_draft(tx: Session, order: Order, request: ChangeRequest) -> PlanChangeResult:
    """Return that a confirmed order is confirmed. Raises DraftEnded when its last draft ended in another way."""
    ended = last_draft_end(tx, order.number)
    if ended is not None and ended.type in (EventType.DRAFT_DISCARDED, EventType.DRAFT_EXPIRED):
        expired = order.status is OrderStatus.EXPIRED
        if not request.as_it_stands and not expired:
            raise DraftEnded({"ended": ended.type.removeprefix("draft_"), "at": ended.at.isoformat()})
    if order.status is OrderStatus.CONFIRMED:
        return PlanChangeResult(no_op=True)
    raise _refusal_without_draft(order)


def _refusal_without_draft(order: Order) -> Refusal:
    refusals: dict[OrderStatus, type[Refusal]] = {
        OrderStatus.CANCELLED: OrderCancelled,
        OrderStatus.EXPIRED: OrderExpired,
    }
    return refusals.get(order.status, OrderEmpty)()


def _already_ended(tx: Session, command: PlanChangeCommand) -> PlanChangeResult:
    row = changes.of_id(tx, command.change)
    of_order = row if row and row.order_number == command.order else None
    if of_order is not None:
        changes.require_known(of_order)
    outcome = changes.outcome_of(of_order) if of_order is not None else None
    if outcome is None:
        return PlanChangeResult(already_ended=ChangeState.REFUSED, code=UNKNOWN_CHANGE)
    return PlanChangeResult(already_ended=outcome.state, code=outcome.code)


def _change_of_operator(order: OrderRow, command: PlanChangeCommand, now: datetime) -> ChangeRow:
    sent = command.operator_request or OperatorRequest(kind=ChangeKind.DISCARD)
    reason = sent.reason or IN_TEMPORAL
    request = ChangeRequest(kind=sent.kind, expires_at=sent.expires_at, reason=reason)
    return ChangeRow(
        tenant=order.tenant,
        id=command.change,
        order_number=order.number,
        route=changes.TEMPORAL_UPDATE_ROUTE,
        fingerprint="",
        kind=sent.kind,
        request=to_document(request),
        needs=formats.needs(request),
        state=ChangeState.WAITING,
        created_at=now,
    )


PLAN_CHANGE = PlanChange()
