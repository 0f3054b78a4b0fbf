"""What changes leave in Temporal's history."""

from temporalio.client import Client

from bench.changes.kinds import ADD, CONFIRM, DRAFTED, INTO_DRAFT, KINDS
from bench.histories import History, history_of
from bench.shop import Shop

_NOTHING = History(0, 0)


async def histories(shop: Shop, client: Client) -> dict[str, History]:
    """Return what each kind of change adds to the history of its run."""
    found: dict[str, History] = {}
    course = await shop.course(0)
    for kind in KINDS:
        await shop.prepare(course, kind.wish)
        await shop.change(course, kind.wish)
        found[f"{kind.name} in one go"] = await history_of(client, course.order)
    course, before = await shop.course(1), _NOTHING
    await shop.prepare(course, ADD.wish)
    await shop.change(course, ADD.wish)
    for number, wish in enumerate(DRAFTED, start=1):
        await shop.prepare(course, wish)
        await shop.change(course, wish)
        now = await history_of(client, course.order)
        found[f"{INTO_DRAFT} {number}"], before = now - before, now
    await shop.confirm(course)
    found[CONFIRM] = await history_of(client, course.order) - before
    return found
