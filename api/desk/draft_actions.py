"""Operator actions on a draft: confirm, discard, extend. Each has a preview page that lists its effects."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk import labels
from api.desk.orders import get_order_row
from api.desk.rendering import moment
from api.desk.security import key_of, reason_of
from api.desk.undo_preview import undo_list
from api.errors.problems import ProblemError
from api.http.request_headers import MAX_WAIT, RequestOptions, correlation_id
from api.services.submit_request import find_previous, submit
from domain.changes import ChangeKind, ChangeRequest, deadline_horizon
from domain.orders import Order, ReservationState
from domain.wording import counted
from store.database.tenant_session import TenantSession
from store.orders.orders import load
from store.tables import OrderRow

_EVENT = re.compile(r"\d{1,15}", re.ASCII)
_DEFAULT_REASON = "requested at the desk"
EXTENSIONS = (timedelta(minutes=20), timedelta(hours=1), timedelta(hours=4), timedelta(days=1))


@dataclass(frozen=True)
class ActionPreview:
    """The effects of an action on an order, shown to the operator before it is confirmed."""

    order: str
    action: str
    title: str
    button: str
    effects: Sequence[str]
    event: int
    """Number of the order's last event when the page was rendered; the action is refused if there is a later one."""
    blocked_because: str | None = None
    """Why the action is not possible now; None if it is possible."""
    choices: Sequence[tuple[str, str]] = ()
    amount: str = ""
    """The amount that the form states; empty for an action without one."""
    dispute: str = ""
    """The provider's name of the dispute whose case is closed; empty for any other action."""
    dangerous: bool = False
    needs_reason: bool = False
    """True for an action that moves money or changes the ledger: the operator must state a reason."""


def preview(ctx: ApiContext, number: str, action: str) -> ActionPreview:
    """Return the effects an action would have now. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        order = load(tx, order_row)
        match ChangeKind(action):
            case ChangeKind.CONFIRM:
                return _preview_confirm(order_row, order)
            case ChangeKind.DISCARD:
                return _preview_discard(tx, order_row, order)
            case _:
                return _preview_extend(order_row, order, ctx.store.now())


def _preview_confirm(order_row: OrderRow, order: Order) -> ActionPreview:
    held = [seat.name for seat in order.reservations if seat.state is ReservationState.HELD]
    authorised = order.sum(each.authorised for each in order.payments if each.open)
    amount_due = order.balance
    lines = counted(len(order.live_lines), "line")
    effects = [f"Version {order_row.version} is confirmed: {lines}, {order.due} {order.currency} in total."]
    if held:
        effects.append(
            f"{counted(len(held), 'held seat')} sold: {', '.join(held)}. Seats of replaced lines are released."
        )
    if authorised.minor:
        effects.append(f"{authorised.display} authorised: the amount due is captured, the rest is voided.")
    if amount_due.minor < 0:
        effects.append(f"{-amount_due} {amount_due.currency} is refunded to the customer.")
    blocked_because = None
    if amount_due.minor > 0:
        blocked_because = f"{amount_due.display} is still due. The sales channel has to take a payment first."
    effects.append("A confirmation cannot be undone; only another change can change the order.")
    return ActionPreview(
        order_row.number,
        ChangeKind.CONFIRM,
        "Confirm the draft",
        "Confirm",
        effects,
        order_row.last_event,
        blocked_because or _no_draft(order),
        dangerous=True,
        needs_reason=True,
    )


def _preview_discard(tx: TenantSession, order_row: OrderRow, order: Order) -> ActionPreview:
    restored = "to its last confirmed version" if order_row.confirmed_version else "to its creation: it has no lines"
    effects = [*undo_list(tx, order), f"The order returns {restored}."]
    return ActionPreview(
        order_row.number,
        ChangeKind.DISCARD,
        "Discard the draft",
        "Discard",
        effects,
        order_row.last_event,
        _no_draft(order),
        dangerous=True,
    )


def _preview_extend(order_row: OrderRow, order: Order, now: datetime) -> ActionPreview:
    ends = max(now, order_row.expires_at or now)
    choices = [(moment(ends + by), f"{ends + by:%Y-%m-%d %H:%M} UTC, {labels.lasting(by)} later") for by in EXTENSIONS]
    effects = [
        "The draft stays open until then, and its seats are held at least as long.",
        "Later changes no longer move this deadline.",
    ]
    return ActionPreview(
        order_row.number,
        ChangeKind.EXTEND,
        "Extend the draft",
        "Extend",
        effects,
        order_row.last_event,
        _no_draft(order),
        choices=choices,
    )


def _no_draft(order: Order) -> str | None:
    return None if order.draft_opened_by else "The order has no open draft."


async def perform(request: Request, ctx: ApiContext, number: str, action: str, fields: Mapping[str, str]) -> str:
    """Submit the form's action under its idempotency key; return the id of the change request.

    The action is refused with STALE_ORDER if the order has a later event than the previewed one.
    Raises ReasonError, and the problems that `submit` raises.
    """
    options = RequestOptions(key_of(fields), (_event(fields),), MAX_WAIT, correlation_id(request))
    kind = ChangeKind(action)
    until = _deadline(fields) if kind is ChangeKind.EXTEND else None
    reason = reason_of(fields, None if kind is ChangeKind.CONFIRM else _DEFAULT_REASON)
    change_request = ChangeRequest(kind=kind, expires_at=until, reason=reason, if_match=options.if_match)
    now = ctx.store.now()
    # A repeated form gets its first answer, even if its deadline has passed by now.
    if (
        until
        and not now < until <= deadline_horizon(now)
        and not await run_in_threadpool(find_previous, request, ctx, options)
    ):
        raise ProblemError("MEMBER_INVALID", [{"field": "expires_at"}])
    body = change_request.model_dump(mode="json", by_alias=True)
    row, _ = await submit(request, ctx, number, change_request, options, body)
    return row.id


def _event(fields: Mapping[str, str]) -> int:
    text = fields.get("event", "")
    if not (_EVENT.fullmatch(text)):
        raise ProblemError("MALFORMED_BODY")
    return int(text)


def _deadline(fields: Mapping[str, str]) -> datetime:
    try:
        return datetime.strptime(fields.get("expires_at", ""), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        raise ProblemError("MEMBER_INVALID", [{"field": "expires_at"}]) from None
