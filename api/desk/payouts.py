"""The operator action on a refund that no card took: record that it was paid by hand."""

from collections.abc import Mapping

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.desk.draft_actions import ActionPreview
from api.desk.orders import get_order_row
from api.desk.submission import submit_form
from api.errors.problems import ProblemError
from domain.changes import ChangeKind
from domain.dual_control import CONFIRMATION_WINDOW, LOCAL
from domain.money import Money, parse_money
from store.changes import changes, payouts
from store.views import work_queue


def preview(ctx: ApiContext, number: str) -> ActionPreview:
    """Return the effects of recording a payout. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        owing = next(iter(work_queue.refunds_owed(tx, 1, number)), None)
        after = ctx.store.now() - CONFIRMATION_WINDOW
        stated = payouts.statements(tx, number, owing.amount, after) if owing else []
    effects = [
        f"{owing.amount.display if owing else 'The refund'} is recorded as paid by hand. No provider is called.",
        "If it was not paid, the customer does not get it: pay it first, by bank transfer or at the counter.",
        "Your name and reason are recorded on the order permanently. Do not write names of travellers.",
        "Above the single-person limit it takes effect once a second person has stated the same, within an hour.",
    ]
    effects += [f"{row.client or LOCAL} has stated this: “{changes.request_of(row).reason}”." for row in stated]
    return ActionPreview(
        number,
        ChangeKind.PAYOUT,
        "Record a refund paid by hand",
        "Record as paid",
        effects,
        order_row.last_event,
        None if owing else "No refund is owed to the customer.",
        amount=str(owing.amount) if owing else "",
        dangerous=True,
        needs_reason=True,
    )


async def perform(request: Request, ctx: ApiContext, number: str, fields: Mapping[str, str]) -> str:
    """Submit the form under its idempotency key; return the id of the request.

    The amount is the one that the page showed. Raises ReasonError, and the problems that `submit` raises.
    """
    amount = await run_in_threadpool(_amount, ctx, number, fields.get("amount", ""))
    return await submit_form(request, ctx, number, ChangeKind.PAYOUT, fields, amount)


def _amount(ctx: ApiContext, number: str, text: str) -> Money:
    with ctx.store.read() as tx:
        currency = get_order_row(tx, number).currency
    try:
        return parse_money(text, currency)
    except ValueError:
        raise ProblemError("MEMBER_INVALID", [{"field": "amount"}]) from None
