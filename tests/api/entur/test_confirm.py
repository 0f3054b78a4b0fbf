"""Entur: a confirmation may name the order's lines, and confirms the draft as a whole or not at all."""

from tests.api.entur.test_update import config
from tests.support.canary import ADULT, CHILD
from tests.support.entur_client import EnturClient, new_key
from tests.support.world import Answer


async def confirm(sales: EnturClient, order: str, *lines: str, **headers: str) -> Answer:
    return await sales.send("POST", f"/v1/orders/{order}/orderlines/confirm", {"orderLineIds": list(lines)}, **headers)


async def exchanged(sales: EnturClient) -> tuple[str, list[str], list[str]]:
    """Replace the first of two confirmed lines; return the order, its confirmed lines and its live ones."""
    order, lines = await sales.sold(ADULT, CHILD, product="flexible")
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    answer = await sales.update(order, config(offer, lines[0]))
    return order, lines, [*answer.body["orderLineIds"], lines[1]]


async def test_a_confirmation_that_leaves_out_a_line_is_refused_and_changes_nothing(sales: EnturClient) -> None:
    order, lines, live = await exchanged(sales)
    before = sales.world.snapshot(order)
    for named in ([live[0]], [live[1]], [lines[0]], []):
        answer = await confirm(sales, order, *named)
        assert (answer.status, answer.code) == (400, "PARTIAL_CONFIRM_NOT_SUPPORTED"), named
    assert [each["line"] for each in (await confirm(sales, order, live[1])).body["errors"]] == [live[0]]
    assert sales.world.snapshot(order) == before


async def test_every_line_may_be_named_by_any_of_its_ids(sales: EnturClient) -> None:
    order, lines, _ = await exchanged(sales)
    answer = await confirm(sales, order, *lines)
    assert (answer.status, answer.body["status"]) == (200, "CONFIRMED")


async def test_a_supplement_need_not_be_named(sales: EnturClient) -> None:
    train = sales.world.train()
    order, (line,) = await sales.sold(ADULT, train=train)
    offer = await sales.offer("standard", ADULT, service=train)
    assert (await sales.supplements(order, line, offer, {"selectedProductId": "MEAL"})).status == 200
    await sales.pay(order, "89.00")
    assert (await confirm(sales, order, line)).body["status"] == "CONFIRMED"


async def test_a_line_that_nobody_knows_is_refused(sales: EnturClient) -> None:
    order, _, live = await exchanged(sales)
    for unknown in (f"{order}-99", "no-line"):
        answer = await confirm(sales, order, *live, unknown)
        assert (answer.status, answer.code) == (404, "LINE_NOT_FOUND")
    assert "no-line" not in str((await confirm(sales, order, "no-line")).body)


async def test_the_lines_are_compared_when_the_request_has_its_turn(sales: EnturClient) -> None:
    order, _, live = await exchanged(sales)
    key = new_key()
    first = await confirm(sales, order, *live, Idempotency_Key=key)
    assert first.status == 200
    offer = await sales.offer("flexible", CHILD, service=sales.world.train())
    assert (await sales.update(order, config(offer, live[1]))).status == 200
    again = await confirm(sales, order, *live, Idempotency_Key=key)
    assert (again.status, again.body) == (200, first.body)


async def test_without_names_or_with_other_members_the_whole_draft_is_confirmed(sales: EnturClient) -> None:
    for body in (None, {}, {"orderLineIds": None}, {"note": "thanks"}):
        order, _, _ = await exchanged(sales)
        answer = await sales.send("POST", f"/v1/orders/{order}/orderlines/confirm", body)
        assert (answer.status, answer.body["status"]) == (200, "CONFIRMED"), body
