"""The desk's form that holds other seats for a change which is stuck after its settlement."""

from tests.api.desk.visitor import Visitor, words_of
from tests.support.scenarios import prepare_reversal
from tests.support.world import World


async def test_a_stuck_change_is_reseated_after_the_page_has_said_what_that_does(
    world: World, visitor: Visitor
) -> None:
    order = await prepare_reversal(world)
    path = f"/desk/orders/{order}/reseat"
    words = words_of(await visitor.see(path))
    assert "1 other seat held on" in words
    assert "instead of 1-01" in words
    assert "The client chose by name" not in words
    without_reason = await visitor.fill_in(path)
    assert (without_reason.status_code, "A reason must not be blank." in without_reason.text) == (422, True)
    fields = await visitor.form_of(path) | {"reason": "the seats are gone"}
    first, second = await visitor.send(path, fields), await visitor.send(path, fields)
    assert first.headers["location"] == second.headers["location"]
    page = words_of(await visitor.see(first.headers["location"]))
    assert "Reseat: done." in page
    assert "1-01 on" in page
    assert "replaced by 1-02 on" in page
    assert "“the seats are gone”" in page
    assert (await world.show(order))["confirmed_version"] == 2


async def test_the_page_says_why_an_order_cannot_be_reseated(world: World, visitor: Visitor) -> None:
    order, _ = await world.open_draft()
    page = words_of(await visitor.see(f"/desk/orders/{order}/reseat"))
    assert "No change of this order is stuck with held seats after its payment was settled." in page
    await world.discard(order)
