"""What the desk's pages show."""

import asyncio
import html
import re
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import TextClause, text

from api.settings import DeskSettings
from cli.faults.injection import Fault
from store.database.store import Store
from temporal.names import StepName
from tests.api.desk.visitor import Visitor, words_of
from tests.support.canary import ADULT, CHILD, find_canaries
from tests.support.stock import add_stock
from tests.support.stuck_orders import start_stuck_change
from tests.support.world import CARD, World, add

SCRIPT = "<script>document.title='taken'</script>"


async def wait_until_listed(visitor: Visitor, order: str) -> str:
    """Return the attention page once it lists an order: Temporal's list lags behind by a moment."""
    async with asyncio.timeout(20):
        while f'id="stuck-{order}"' not in (page := await visitor.see("/desk/attention")):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    return page


async def test_a_stuck_step_is_shown_with_its_error_unsettled_items_money_at_risk_and_suggested_action(
    outside: World,
) -> None:
    visitor = Visitor(outside.http)
    order, pending, armed = await start_stuck_change(outside, StepName.SETTLE_PRICE_DIFFERENCE)
    card = (await wait_until_listed(visitor, order)).partition(f'id="stuck-{order}"')[2].partition("</article>")[0]
    text = words_of(card)
    assert "settle price difference" in text
    assert "INJECTED" in text
    assert "1 new line on the order" in text
    assert "At risk 100.00 NOK authorised" in text
    assert "Check that the payment provider answers again" in text
    (change,) = [row.id for row in outside.changes_of(order) if row.outcome is None]
    assert f"{change}/settle_price_difference" in text
    assert "NOK at risk" in words_of(await visitor.see("/desk/attention"))
    assert "needs attention" in words_of(await visitor.see("/desk"))
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert "Needs attention settle price difference" in page
    async with outside.without_temporal() as away:
        alone = words_of(await Visitor(away.http).see("/desk/attention"))
        assert "Temporal is unavailable" in alone
        assert f"{order} settle price difference" in alone
        assert "From the database only" in alone
        page = words_of(await Visitor(away.http).see(f"/desk/orders/{order}"))
        assert "This page is from the database only" in page
    armed.fault = Fault.LOST
    assert (
        await visitor.send(
            f"/desk/orders/{order}/retry-now",
            await visitor.form_of("/desk/attention", f"/desk/orders/{order}/retry-now"),
        )
    ).status_code == 303
    assert (await pending).status == 200
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert "settle price difference tried again by an operator: “tried again at the desk”" in page


async def test_a_draft_is_shown_beside_what_is_confirmed_and_what_discarding_would_undo(
    world: World, visitor: Visitor
) -> None:
    order, _ = await world.open_draft()
    await world.pay(order, "100.00")
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    (held,) = [each for each in (await world.show(order))["reservations"] if each["state"] == "held"]
    assert "2 is a draft, 1 is confirmed" in page
    assert (
        f"Discarding would undo 100.00 NOK voided 1 line removed: {order}-2 1 line restored: {order}-1"
        f" 1 seat released: {held['seat']} on {held['service']}" in page
    )
    assert "Balance 0.00 NOK" in page
    assert "Not yet settled 100.00 NOK" in page
    assert f"\N{MINUS SIGN} removed {order}-1 standard" in page
    assert f"+ added {order}-2 flexible" in page
    assert f"/namespaces/{world.client.namespace}/workflows/order%2F{order}" in await visitor.see(
        f"/desk/orders/{order}"
    )


async def test_records_that_differ_are_shown_side_by_side_and_in_the_queue(world: World, visitor: Visitor) -> None:
    order = await world.sold(ADULT)
    (sale,) = [row.id for row in world.changes_of(order) if row.kind == "change"]
    move = text("UPDATE embedded_payments SET captured_minor = captured_minor + :by WHERE key LIKE :key")
    try:
        _execute(world, move, by=-100, key=f"{sale}%")
        page = words_of(await visitor.see(f"/desk/orders/{order}"))
        assert "Records differ. ours 299.00 NOK 299.00 NOK 0.00 NOK captured provider 299.00 NOK 298.00 NOK" in page
        queue = words_of(await visitor.see("/desk/attention"))
        assert f"Every payment in the ledger matches the embedded provider's record. {order}" in queue
    finally:
        _execute(world, move, by=100, key=f"{sale}%")
    assert "Records differ" not in words_of(await visitor.see(f"/desk/orders/{order}"))


async def test_units_of_stock_are_shown_beside_the_inventorys_records(world: World, visitor: Visitor) -> None:
    stock = add_stock(world, bicycles=1)
    train = stock.train()
    order = await stock.sell(ADULT, train)
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert "Units of stock 1" in page
    assert re.search(rf"{stock.bicycle} {train} held until \S+ \S+ agrees", page)
    assert f"1 seat released: 1-01 on {train} 1 unit released: {stock.bicycle} on {train}" in page
    change = text("UPDATE stock_holds SET state = :state WHERE item = :item")
    try:
        _execute(world, change, state="confirmed", item=stock.bicycle)
        page = words_of(await visitor.see(f"/desk/orders/{order}"))
        assert re.search(rf"{stock.bicycle} {train} held until \S+ \S+ sold", page)
        queue = words_of(await visitor.see("/desk/attention"))
        assert f"Every reserved unit matches the embedded inventory's record. {order}" in queue
    finally:
        _execute(world, change, state="held", item=stock.bicycle)
    assert (await world.confirm(order, CARD)).status == 200
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert f"{stock.bicycle} {train} sold agrees" in page
    assert "seats and units confirmed" in page


def _execute(world: World, statement: TextClause, **values: object) -> None:
    with world.components.store.write() as tx:
        tx.connection().execute(statement, values)


async def test_requests_not_started_and_drafts_about_to_end_are_shown(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    async with world.without_temporal() as away:
        kept = await away.confirm(order)
    assert kept.status == 503
    world.backdate(kept.change)
    page = words_of(await visitor.see("/desk/attention"))
    assert f"{order} Confirmation" in page.partition("Requests not started")[2]
    ends = (await world.show(order))["draft"]["expires_at"]
    with world.clock_at(world.components.store.now() + timedelta(minutes=18)):
        page = words_of(await visitor.see("/desk/attention"))
    assert order in page.partition("Drafts that end within 5 minutes")[2], ends
    await world.discard(order)
    await world.post(f"/v1/orders/{order}/confirm", {}, None)


async def test_a_seat_map_shows_free_held_and_sold_seats_and_their_orders(world: World, visitor: Visitor) -> None:
    train = world.train(coaches=1, seats=8)
    sold = await world.sold(ADULT, train=train)
    draft = await world.order()
    await world.change(draft, add(await world.offer("standard", CHILD, service=train), CHILD))
    page = await visitor.see(f"/desk/services/{train}")
    text = words_of(page)
    assert "6 free 1 held 1 sold" in text
    assert f"sold by order {sold}" in text
    assert f'href="/desk/orders/{draft}"' in page
    assert f"by order {draft}" in text
    day = page.partition("/desk/services?day=")[2][:10]
    row = words_of(await visitor.see(f"/desk/services?day={day}")).partition(train)[2]
    assert row.split()[0:1] == ["north"]
    assert "6 1 1" in row
    assert "No departures on this day" in await visitor.see("/desk/services?day=2001-01-01")
    assert "There is no such service." in await visitor.see("/desk/services/none", 404)


async def test_an_order_is_found_by_number_reference_correlation_id_and_change_id(
    world: World, visitor: Visitor
) -> None:
    reference, correlation = f"ref {uuid.uuid4()}", str(uuid.uuid4())
    created = await world.post(
        "/v1/orders", {"currency": "NOK", "external_reference": reference}, X_Correlation_Id=correlation
    )
    order = created.body["number"]
    (row,) = world.changes_of(order)
    for name in (order, reference, correlation, row.id, f" {order} "):
        assert f"<h1>{order}" in await visitor.see(f"/desk?q={name}")
    assert "No matching order" in await visitor.see("/desk?q=26-999999999")
    assert "No matching order" in await visitor.see(f"/desk?q={'x' * 150}")


async def test_lists_are_filtered_and_end(world: World, visitor: Visitor) -> None:
    orders = [await world.order() for _ in range(27)]
    page = await visitor.see("/desk?show=draft")
    assert page.count('<th scope="row">') == 25
    assert orders[-1] in page
    older = html.unescape(page.partition('rel="next" href="')[2].partition('"')[0])
    assert orders[0] in await visitor.see(older)
    assert orders[-1] not in await visitor.see(older)
    assert orders[-1] not in await visitor.see("/desk?show=open")
    assert orders[-1] not in await visitor.see("/desk?show=confirmed")


async def test_a_script_in_a_reference_is_text_on_every_page(world: World, visitor: Visitor) -> None:
    created = await world.post("/v1/orders", {"currency": "NOK", "external_reference": SCRIPT})
    order = created.body["number"]
    for path in (f"/desk/orders/{order}", "/desk", f"/desk?q={SCRIPT}{SCRIPT}"):
        page = await visitor.see(path)
        assert html.escape(SCRIPT, quote=False).replace("'", "&#39;") in page
        assert "<script" not in page


async def test_no_page_shows_anything_personal(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    seats = (await world.show(order))["reservations"]
    paths = ["", "/attention", "/services", f"/services/{seats[0]['service']}", f"/orders/{order}"]
    paths += [f"/orders/{order}/{action}" for action in ("confirm", "discard", "extend", "retry-now", "done-by-hand")]
    paths += [f"/orders/{order}/{action}" for action in ("payout", "reverse", "reseat")]
    for path in paths:
        page = await visitor.see(f"/desk{path}")
        assert find_canaries(page.encode()) == [], path


async def test_an_unknown_order_or_page_is_404_and_the_input_is_not_repeated(visitor: Visitor) -> None:
    for path in ("/desk/orders/26-999999", "/desk/orders/Gulfugl", "/desk/orders/26-999999/discard"):
        page = await visitor.see(path, 404)
        assert "There is no such order." in words_of(page)
        assert "Gulfugl" not in page
    assert "ORDER_NOT_FOUND" not in await visitor.see("/desk/nowhere", 404)
    await visitor.see("/desk?show=nonsense", 422)
    await visitor.see("/desk/services?day=yesterday", 422)


@pytest.mark.only_on("sqlite")  # it concerns the page, not the store
async def test_a_store_that_does_not_answer_is_shown_as_unavailable(world: World, tmp_path: Path) -> None:
    empty = Store(f"sqlite:///{tmp_path / 'empty.db'}")
    async with world.with_api(unscoped_store=empty) as other:
        page = words_of(await Visitor(other.http).see("/desk", 503))
    empty.close()
    assert "Temporarily unavailable The database did not answer in time." in page


async def test_pages_are_not_cached_framed_or_scripted(world: World) -> None:
    for path in ("/desk", "/desk/orders/26-999999", "/desk/static/desk.css"):
        headers = (await world.http.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    world.http.cookies.clear()
    assert "httponly; path=/desk; samesite=strict" in (await world.http.get("/desk")).headers["set-cookie"].lower()


async def test_where_it_is_switched_off_there_is_no_desk(world: World) -> None:
    async with world.with_api(desk=None) as other:
        assert (await other.send("GET", "/desk")).code == "NOT_FOUND"
    async with world.with_api(desk=DeskSettings()) as other:
        assert "HOST_UNKNOWN" in await Visitor(other.http).see("/desk", 421)
