"""The answer to a confirmation lists every line and sum it confirmed, also what other requests put into the draft."""

from tests.support.canary import ADULT, CHILD
from tests.support.world import CARD, World, replace


async def test_a_plain_confirmation_lists_what_all_requests_put_into_the_draft(world: World) -> None:
    order = await world.sold(ADULT, CHILD)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    exchange = await world.change(order, replace([f"{order}-1"], bundle), refund_price_difference=False)
    meal = {"op": "add_supplements", "line": f"{order}-2", "supplements": [{"supplement": "MEAL"}]}
    added = await world.change(order, meal)
    assert (exchange.status, added.status) == (200, 200), added.body
    balance = added.body["order"]["balance"]
    answer = await world.confirm(order, payment=CARD)
    assert answer.status == 200, answer.body
    confirmed = answer.body["confirmed"]
    assert [each["line"] for each in confirmed["lines"]] == [*exchange.body["lines"], *added.body["lines"]]
    assert [(each["product"], each["travellers"]) for each in confirmed["lines"]] == [
        ("flexible", [ADULT]),
        ("MEAL", [CHILD]),
    ]
    assert [each["line"] for each in confirmed["given_up"]] == [f"{order}-1"]
    assert [(each["kind"], each["line"], each["amount"]) for each in confirmed["fees"]] == [
        ("change", f"{order}-1", "50.00")
    ]
    assert (confirmed["captured"], confirmed["refunded"]) == (balance, "0.00")


async def test_a_change_in_one_go_lists_what_it_confirmed_and_one_in_the_draft_nothing(world: World) -> None:
    order = await world.sold(ADULT)
    bundle = await world.offer("flexible", ADULT, service=world.train())
    drafted = await world.change(order, replace([f"{order}-1"], bundle))
    assert drafted.body["confirmed"] is None
    await world.discard(order)
    answer = await world.change(order, replace([f"{order}-1"], bundle), confirm=True, payment=CARD)
    assert [each["line"] for each in answer.body["confirmed"]["lines"]] == answer.body["lines"]
    assert answer.body["confirmed"]["captured"] == answer.body["quote"]["balance"] == "100.00"


async def test_a_first_confirmation_lists_the_whole_order_and_a_second_one_nothing(world: World) -> None:
    order = await world.sold(ADULT, CHILD)
    (sale,) = [row for row in world.changes_of(order) if row.kind == "change"]
    confirmed = (await world.send("GET", f"/v1/changes/{sale.id}")).body["confirmed"]
    assert [each["line"] for each in confirmed["lines"]] == await world.lines(order)
    assert (confirmed["given_up"], confirmed["fees"], sorted(confirmed["travellers"])) == (
        [],
        [],
        sorted([ADULT, CHILD]),
    )
    assert (await world.confirm(order)).body["confirmed"] is None
