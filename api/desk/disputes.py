"""The operator action on a dispute: close its case, once it is answered at the payment provider."""

from collections.abc import Mapping

from api.context import ApiContext
from api.desk.draft_actions import ActionPreview
from api.desk.orders import get_order_row
from api.desk.security import reason_of
from api.services.close_dispute import close_dispute
from store.views import work_queue

ACTION = "close-dispute"


def preview(ctx: ApiContext, number: str) -> ActionPreview:
    """Return the effects of closing the case that is open for longest. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        dispute = next(iter(work_queue.open_disputes(tx, 1, number)), None)
    what = f"The case of dispute {dispute.id} about {dispute.amount.display}" if dispute else "The case"
    effects = [
        f"{what} is closed. No provider is called, and no money moves.",
        "If the dispute was not answered at the provider, it is lost at its deadline: answer it first.",
        "How it ends is recorded besides, when the provider notifies us of it.",
        "Your name and reason are recorded on the order permanently. Do not write names of travellers.",
    ]
    return ActionPreview(
        number,
        ACTION,
        "Close a dispute",
        "Close the case",
        effects,
        order_row.last_event,
        None if dispute else "No payment of this order is disputed.",
        dispute=dispute.id if dispute else "",
        needs_reason=True,
    )


def perform(ctx: ApiContext, number: str, fields: Mapping[str, str]) -> None:
    """Close the case of the dispute that the page showed. Raises ReasonError, ORDER_NOT_FOUND and DISPUTE_NOT_OPEN."""
    close_dispute(ctx, number, fields.get("dispute", ""), reason_of(fields, None))
