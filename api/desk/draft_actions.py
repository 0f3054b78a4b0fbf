"""What an operator may do with a draft: confirm, discard or extend it. Each first says what it does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk import labels
from api.desk.orders import head_of
from api.desk.rendering import moment
from api.desk.security import key_of, reason_of
from api.desk.undo_preview import undo_list
from api.errors.problems import ProblemError
from api.http.request_headers import MAX_WAIT, RequestOptions, correlation_id
from api.services.submit_request import find_previous, submit
from domain.changes import MAX_DEADLINE, ChangeKind, ChangeRequest
from domain.orders import Order, ReservationState
from store.database.tenant_session import TenantSession
from store.orders.orders import load
from store.tables import OrderRow

_EVENT = re.compile(r"\d{1,15}", re.ASCII)
_UNASKED = "asked at the desk"
LONGER = (timedelta(minutes=20), timedelta(hours=1), timedelta(hours=4), timedelta(days=1))


@dataclass(frozen=True)
class ActionPreview:
    """What is about to be done to an order, for whoever has to say yes."""

    order: str
    action: str
    title: str
    button: str
    effects: Sequence[str]
    event: int
    """The order's last event as it was looked at; once there is a later one nothing is done."""
    blocked_because: str | None = None
    """Why it cannot be done now."""
    choices: Sequence[tuple[str, str]] = ()
    dangerous: bool = False
    needs_reason: bool = False
    """Money or books are moved by it, so that somebody has to say why."""


def preview(ctx: ApiContext, number: str, act: str) -> ActionPreview:
    """Return what an act would do now. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        head = head_of(tx, number)
        order = load(tx, head)
        match ChangeKind(act):
            case ChangeKind.CONFIRM:
                return _confirm(head, order)
            case ChangeKind.DISCARD:
                return _discard(tx, head, order)
            case _:
                return _extend(head, order, ctx.store.now())


def _confirm(head: OrderRow, order: Order) -> ActionPreview:
    held = [seat.name for seat in order.reservations if seat.state is ReservationState.HELD]
    aside = order.sum(each.authorised for each in order.payments if each.open)
    owed = order.balance
    lines = labels.count(len(order.live_lines), "line")
    does = [f"Version {head.version} becomes the confirmed one: {lines}, {order.due} {order.currency} in all."]
    if held:
        does.append(
            f"{labels.count(len(held), 'held seat')} sold for good: {', '.join(held)}. Seats given up are freed."
        )
    if aside.minor:
        does.append(f"Of {aside.display} set aside what is owed is captured, the rest let go.")
    if owed.minor < 0:
        does.append(f"{-owed} {owed.currency} is paid back to the customer.")
    hindrance = None
    if owed.minor > 0:
        hindrance = f"{owed.display} is still owed. The sales channel has to take a payment first."
    does.append("It cannot be taken back afterwards; only another change can change the order.")
    return ActionPreview(
        head.number,
        ChangeKind.CONFIRM,
        "Confirm the draft",
        "Confirm",
        does,
        head.last_event,
        hindrance or _no_draft(order),
        dangerous=True,
        needs_reason=True,
    )


def _discard(tx: TenantSession, head: OrderRow, order: Order) -> ActionPreview:
    left = "the last confirmed version" if head.confirmed_version else "as it was made: without lines"
    does = [*undo_list(tx, order), f"The order is {left} again, exactly as before."]
    return ActionPreview(
        head.number,
        ChangeKind.DISCARD,
        "Discard the draft",
        "Discard",
        does,
        head.last_event,
        _no_draft(order),
        dangerous=True,
    )


def _extend(head: OrderRow, order: Order, now: datetime) -> ActionPreview:
    ends = max(now, head.expires_at or now)
    choices = [(moment(ends + by), f"{ends + by:%Y-%m-%d %H:%M} UTC, {labels.lasting(by)} later") for by in LONGER]
    does = [
        "The draft stays open until then, and its seats are held at least as long.",
        "Later changes do not move this deadline any more.",
    ]
    return ActionPreview(
        head.number,
        ChangeKind.EXTEND,
        "Extend the draft",
        "Extend",
        does,
        head.last_event,
        _no_draft(order),
        choices=choices,
    )


def _no_draft(order: Order) -> str | None:
    return None if order.draft_opened_by else "The order has no open draft."


async def perform(request: Request, ctx: ApiContext, number: str, act: str, fields: Mapping[str, str]) -> str:
    """Ask it of the order under the form's key, if the order is as it was looked at; return the request's id.

    Raises ReasonError and whatever asking raises.
    """
    asked = RequestOptions(key_of(fields), (_event(fields),), MAX_WAIT, correlation_id(request))
    kind = ChangeKind(act)
    until = _deadline(fields) if kind is ChangeKind.EXTEND else None
    reason = reason_of(fields, None if kind is ChangeKind.CONFIRM else _UNASKED)
    wanted = ChangeRequest(kind=kind, expires_at=until, reason=reason, if_match=asked.if_match)
    now = ctx.store.now()
    if (
        until
        and not now < until <= now + MAX_DEADLINE
        and not await run_in_threadpool(find_previous, request, ctx, asked)
    ):
        raise ProblemError("MEMBER_INVALID", [{"field": "expires_at"}])
    row, _ = await submit(request, ctx, number, wanted, asked, wanted.model_dump(mode="json", by_alias=True))
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
