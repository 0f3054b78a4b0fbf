"""Entur: an answer that shows the order shows it as the request left it, also when it is repeated later."""

from datetime import timedelta

from store import erasure
from tests.api.entur.test_update import config
from tests.support.canary import ADULT
from tests.support.entur_client import EnturClient, new_key
from tests.support.erasure_data import backdate_order
from tests.support.world import TENANT, Answer, Json


async def confirm(sales: EnturClient, order: str, key: str) -> Answer:
    return await sales.send("POST", f"/v1/orders/{order}/orderlines/confirm", Idempotency_Key=key)


async def moved(sales: EnturClient) -> tuple[str, Json, str]:
    """Confirm an exchange; return the order, the answer and its key."""
    order, (line,) = await sales.sold(ADULT, product="flexible")
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    assert (await sales.update(order, config(offer, line))).status == 200
    key = new_key()
    answer = await confirm(sales, order, key)
    assert answer.status == 200, answer.body
    return order, answer.body, key


async def test_a_confirmation_repeated_after_another_change_shows_what_it_confirmed(sales: EnturClient) -> None:
    order, first, key = await moved(sales)
    assert first == await sales.show(order)
    offer = await sales.offer("standard", ADULT, service=sales.world.train())
    assert (await sales.update(order, config(offer, first["orderLines"][0]["id"]), refund=True)).status == 200
    assert (await sales.confirm(order)).status == 200
    again = await confirm(sales, order, key)
    assert (again.status, again.body, again.headers["idempotency-replayed"]) == (200, first, "true")
    assert first != await sales.show(order)


async def test_a_reset_repeated_later_shows_what_it_restored(sales: EnturClient) -> None:
    order, (line,) = await sales.sold(ADULT)
    shown, key = await sales.show(order), new_key()
    offer = await sales.offer("flexible", ADULT, service=sales.world.train())
    assert (await sales.update(order, config(offer, line))).status == 200
    first = await sales.send("POST", f"/v1/orders/{order}/reset", Idempotency_Key=key)
    assert (first.status, first.body) == (200, shown)
    assert (await sales.update(order, config(offer, line))).status == 200
    again = await sales.send("POST", f"/v1/orders/{order}/reset", Idempotency_Key=key)
    assert again.body == first.body


async def test_a_confirmation_of_a_confirmed_order_is_its_current_state(sales: EnturClient) -> None:
    order, first, _ = await moved(sales)
    assert (await confirm(sales, order, new_key())).body == first == await sales.show(order)


async def test_a_confirmation_repeated_after_the_erasure_names_nobody(sales: EnturClient) -> None:
    order, first, key = await moved(sales)
    store = sales.world.components.store
    await sales.world.wait_for_end(order)
    backdate_order(store, order, timedelta(days=60))
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, order, store.now()) == 1
    again = (await confirm(sales, order, key)).body
    (person,), (line,) = again.pop("travellers"), again.pop("orderLines")
    assert person == {"id": "erased-1", "givenName": None, "familyName": None, "birthDate": None}
    assert line["travellers"] == ["erased-1"]
    (sold,) = first.pop("orderLines")
    del first["travellers"]
    changed = {"createdAt"}  # the test has moved the order into the past
    assert {name: each for name, each in again.items() if name not in changed} == {
        name: each for name, each in first.items() if name not in changed
    }
    assert line["price"] == sold["price"]
