"""The operator action on a change that is stuck because its seats are gone: hold other ones."""

from collections.abc import Iterator

from activities.reseats import check_reseatable, held_and_own, named_seats
from activities.support.old_seats import Holds, find_gone
from api.context import ApiContext
from api.desk.draft_actions import ActionPreview
from api.desk.orders import get_order_row
from domain.changes import ChangeKind
from domain.refusals import Refusal
from domain.wording import counted
from store.database.tenant_session import TenantSession

_LASTLY = (
    "The seats before are given up. The change then goes on by itself: its seats are confirmed.",
    "If too few are free, nothing changes: it is stuck as before.",
    "Your name and reason are recorded on the order permanently. Do not write names of travellers.",
)


def preview(ctx: ApiContext, number: str) -> ActionPreview:
    """Return what a reseat would do now, or why it is not possible. Raises ORDER_NOT_FOUND."""
    with ctx.store.read() as tx:
        tenant = get_order_row(tx, number).tenant
        held, _ = held_and_own(tx, number)
    found = find_gone(ctx.inventory, tenant, held)
    with ctx.store.read() as tx:
        order_row = get_order_row(tx, number)
        effects: list[str] = []
        blocked_because = None
        try:
            seats, units = [row.id for row in found.seats], [row.id for row in found.units]
            _, gone = check_reseatable(tx, order_row, seats, units, external=ctx.inventory.external)
            effects = [*_effects(tx, gone), *_LASTLY]
        except Refusal as refusal:
            blocked_because = refusal.sentence
    return ActionPreview(
        number,
        ChangeKind.RESEAT,
        "Hold other seats for the stuck change",
        "Hold other seats",
        effects,
        order_row.last_event,
        blocked_because,
        dangerous=True,
        needs_reason=True,
    )


def _effects(tx: TenantSession, gone: Holds) -> Iterator[str]:
    for place in dict.fromkeys(row.place for row in gone.seats):
        names = [row.seat_name for row in gone.seats if row.place == place]
        yield f"{counted(len(names), 'other seat')} held on {place} instead of {', '.join(names)}"
    for unit in dict.fromkeys((row.item, row.place) for row in gone.units):
        count = sum((row.item, row.place) == unit for row in gone.units)
        yield f"{counted(count, 'other unit')} of {unit[0]} held on {unit[1]}"
    named = [f"{row.seat_name} on {row.place}" for row in named_seats(tx, gone.seats)]
    if named:
        yield f"The client chose by name: {', '.join(named)}. Tell them of the other seats."
