"""A disputed payment stands on the desk until an operator closes its case there."""

from tests.api.desk.visitor import Visitor, words_of
from tests.support.canary import ADULT
from tests.support.provider_events import disputes
from tests.support.scenarios import receive_dispute
from tests.support.world import World


async def test_a_dispute_is_in_the_queue_and_its_case_is_closed_with_a_reason(world: World, visitor: Visitor) -> None:
    order = await world.sold(ADULT)
    assert (await receive_dispute(world, order)).status == 200
    ((name, state),) = disputes(world, order)
    assert state == "open"
    path = f"/desk/orders/{order}/close-dispute"
    queue = await visitor.see("/desk/attention")
    assert f'href="{path}"' in queue
    assert name in queue
    assert f"The case of dispute {name} about 1.00 NOK is closed." in words_of(await visitor.see(path))
    form = await visitor.form_of(path)
    unreasoned = await visitor.send(path, form)
    assert (unreasoned.status_code, "must not be blank" in unreasoned.text) == (422, True)
    sent = await visitor.send(path, form | {"reason": "accepted, ticket 4711"})
    assert sent.status_code == 303, sent.text
    assert disputes(world, order) == [(name, "closed")]
    assert "No payment of this order is disputed." in words_of(await visitor.see(path))
    shown = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert "Notified by the payment provider" in shown
    assert "1.00 NOK disputed by the cardholder" in shown
