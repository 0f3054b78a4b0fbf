"""A refund that no card took stands on the desk until an operator records there that it was paid by hand."""

from tests.api.desk.visitor import Visitor, words_of
from tests.support.refunds_owed import AMOUNT, REASON, order_owing
from tests.support.world import World


async def test_a_refund_owed_is_in_the_queue_and_recorded_as_paid_once(world: World, visitor: Visitor) -> None:
    order = await order_owing(world)
    assert f'href="/desk/orders/{order}/payout"' in await visitor.see("/desk/attention")
    page = words_of(await visitor.see(f"/desk/orders/{order}"))
    assert f"{AMOUNT} NOK is owed to the customer: no card took this refund" in page
    assert "refund of 249.00 NOK declined by payment" in page
    assert "249.00 NOK taken by no card: owed to the customer" in page
    path = f"/desk/orders/{order}/payout"
    effects = words_of(await visitor.see(path))
    assert f"{AMOUNT} NOK is recorded as paid by hand. No provider is called." in effects
    form = await visitor.form_of(path)
    unreasoned = await visitor.send(path, form)
    assert (unreasoned.status_code, "must not be blank" in unreasoned.text) == (422, True)
    for _ in range(2):
        sent = await visitor.send(path, form | {"reason": REASON})
        assert sent.status_code == 303, sent.text
    done = words_of(await visitor.see(sent.headers["Location"]))
    assert "Refund paid by hand: done." in done
    assert "249.00 NOK of a refund paid by hand by an operator" in done
    assert f"“{REASON}”" in done
    assert "is owed to the customer: no card" not in done
    assert f'href="/desk/orders/{order}/payout"' not in await visitor.see("/desk/attention")
    assert "No refund is owed to the customer." in words_of(await visitor.see(path))


async def test_the_form_states_the_sum_that_its_page_showed(world: World, visitor: Visitor) -> None:
    order = await order_owing(world)
    path = f"/desk/orders/{order}/payout"
    form = await visitor.form_of(path)
    assert form["amount"] == AMOUNT
    sent = await visitor.send(path, form | {"amount": "100.00", "reason": REASON})
    assert "PAYOUT_DIFFERS" in await visitor.see(sent.headers["Location"])
    wrong = await visitor.send(path, await visitor.form_of(path) | {"amount": "a lot", "reason": REASON})
    assert wrong.status_code == 422
    assert (await world.show(order))["refund_owed"] == AMOUNT
