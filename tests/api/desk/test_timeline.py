"""What the timeline of an order shows."""

import asyncio
import html
from datetime import timedelta

from tests.api.desk.visitor import Visitor, words_of
from tests.support.canary import ADULT
from tests.support.world import CARD, DECLINED, World, replace


async def timeline_of(visitor: Visitor, order: str) -> str:
    return words_of(await visitor.see(f"/desk/orders/{order}")).partition("Timeline")[2]


async def test_the_timeline_shows_client_time_reason_and_the_price_before_and_after(
    world: World, visitor: Visitor
) -> None:
    order, _ = await world.open_draft()
    await world.discard(order)
    refused = await world.change(order, replace([f"{order}-1"], "no-such-bundle"))
    timeline = await timeline_of(visitor, order)
    assert refused.code is not None
    assert timeline.index(refused.code) < timeline.index("Discard done") < timeline.index("Order created")
    assert "299.00 NOK → became 399.00 NOK fee 50.00 NOK, difference 100.00 NOK" in timeline
    assert "Discard done a client of the native API" in timeline
    assert "399.00 NOK → became 299.00 NOK" in timeline
    assert "change undone" in timeline
    assert "Version 2" in timeline


async def test_a_refused_change_does_not_show_the_seats_of_a_later_one_with_the_same_line(
    world: World, visitor: Visitor
) -> None:
    order = await world.sold(ADULT)
    refused = await world.upgrade(order, confirm=True, payment=DECLINED)
    done = await world.upgrade(order, confirm=True, payment=CARD)
    (line,) = done.body["lines"]
    assert line == f"{order}-2"
    page = await visitor.see(f"/desk/orders/{order}")

    def added_by(change: str) -> str:
        entry = page.partition(f'id="{change}"')[2].partition('<li class="entry')[0]
        return entry.partition('<li class="added">')[2].partition("</li>")[0]

    assert line in added_by(refused.change)
    assert "seat" not in added_by(refused.change)
    assert "seat" in added_by(done.change)


async def test_an_expired_draft_is_shown_without_a_request(world: World, visitor: Visitor) -> None:
    order, before = await world.open_draft()
    soon = world.components.store.now() + timedelta(seconds=1)
    await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": soon.isoformat()})
    async with asyncio.timeout(20):
        while world.snapshot(order) != before:  # noqa: ASYNC110 - the store is polled
            await asyncio.sleep(0.05)
    await world.wait_for_end(order)
    timeline = await timeline_of(visitor, order)
    assert timeline.index("Draft expired done its deadline") < timeline.index("New deadline done")
    assert "draft and seats held until" in timeline


async def test_a_cancel_in_temporal_is_shown_as_such(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    await world.workflow(order).cancel()
    await world.wait_for_end(order)
    assert "Draft discarded done a cancellation in Temporal" in await timeline_of(visitor, order)


async def test_a_long_timeline_has_pages_and_loses_nothing_between_them(world: World, visitor: Visitor) -> None:
    order = await world.order()
    for _ in range(26):
        await world.discard(order)
    page = await visitor.see(f"/desk/orders/{order}")
    link = html.unescape(page.partition('rel="next" href="')[2].partition('"')[0])
    older = await visitor.see(link.partition("#")[0])
    found = [row.id for row in world.changes_of(order)]
    assert len(found) == 27
    assert [change for change in found if (f'id="{change}"' in page) == (f'id="{change}"' in older)] == []
    assert "Order created" in words_of(older)
