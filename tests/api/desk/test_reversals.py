"""The desk's form that reverses a change which is stuck after its settlement."""

from tests.api.desk.visitor import Visitor, words_of
from tests.support.scenarios import prepare_reversal
from tests.support.world import World


async def test_a_stuck_change_is_reversed_after_the_page_has_said_what_that_does(
    world: World, visitor: Visitor
) -> None:
    order = await prepare_reversal(world)
    path = f"/desk/orders/{order}/reverse"
    words = words_of(await visitor.see(path))
    for effect in ("NOK refunded to the card it was captured from", "1 seat released", "1 unit released"):
        assert effect in words
    assert "1 line removed" in words
    assert "1 line restored" in words
    without_reason = await visitor.fill_in(path)
    assert (without_reason.status_code, "A reason must not be blank." in without_reason.text) == (422, True)
    fields = await visitor.form_of(path) | {"reason": "no seats are left"}
    first, second = await visitor.send(path, fields), await visitor.send(path, fields)
    assert first.headers["location"] == second.headers["location"]
    page = words_of(await visitor.see(first.headers["location"]))
    assert "Reversal: done." in page
    assert "reversed: its payment was refunded and the confirmed version restored" in page
    assert "“no seats are left”" in page
    assert (await world.show(order))["confirmed_version"] == 1


async def test_the_page_says_why_an_order_cannot_be_reversed(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    page = words_of(await visitor.see(f"/desk/orders/{order}/reverse"))
    assert "No change of this order is stuck after its payment was settled." in page
    await world.discard(order)
