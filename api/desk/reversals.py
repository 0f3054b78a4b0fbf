"""The operator action on a change that is stuck after its point of no return: reverse it."""

from collections.abc import Iterator

from activities.reversals import check_reversible
from activities.support.old_seats import are_old_seats_kept
from activities.support.registry import reversible
from api.context import ApiContext
from api.desk.draft_actions import ActionPreview
from api.desk.orders import get_order_row
from domain.changes import ChangeKind
from domain.refusals import Refusal
from domain.settlement import MoveKind
from store.changes import reversals
from store.database.tenant_session import TenantSession
from store.orders import ledger, reservations
from store.orders.orders import load
from store.tables import ChangeRow, OrderRow

_LASTLY = (
    "The change ends as undone with the code REVERSED, and the confirmed version of the order stands.",
    "From the first moment on the change does not go forward any more, by no retry.",
    "Your name and reason are recorded on the order permanently. Do not write names of travellers.",
)


def preview(ctx: ApiContext, number: str) -> ActionPreview:
    """Return what a reversal would do now, or why it is not possible. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        get_order_row(tx, number)
        tenant, given_up = reservations.given_up(tx, number)
    kept = are_old_seats_kept(ctx.inventory, tenant, given_up)
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        effects: list[str] = []
        blocked_because = None
        try:
            change = check_reversible(tx, order_row, old_seats_kept=kept)
            effects = [*_effects(tx, order_row, change), *_LASTLY]
        except Refusal as refusal:
            blocked_because = refusal.sentence
    return ActionPreview(
        number,
        ChangeKind.REVERSE,
        "Reverse the stuck change",
        "Reverse the change",
        effects,
        order_row.last_event,
        blocked_because,
        dangerous=True,
        needs_reason=True,
    )


def _effects(tx: TenantSession, order_row: OrderRow, change: ChangeRow) -> Iterator[str]:
    for _, amount in ledger.moves_on_payments(tx, change.id, MoveKind.CAPTURE, order_row.currency):
        yield f"{amount.display} refunded to the card it was captured from"
    order = load(tx, order_row)
    for record in reversed(reversals.steps_to_undo(tx, order_row, change.id)):
        yield from reversible()[record.step].describe_undo(tx, order, record)
