"""The same key and body always return the first response; another body is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.support.canary import ADULT
from tests.support.world import CARD, Answer, World, add, replace


async def drafted(world: World) -> tuple[str, str]:
    order = await world.sold(ADULT)
    return order, await world.offer("flexible", ADULT, service=world.train())


async def test_the_same_key_gets_the_same_answer_after_the_draft_has_closed(world: World) -> None:
    order, bundle = await drafted(world)
    first = await world.change(order, replace([f"{order}-1"], bundle), key="one")
    await world.discard(order)
    await world.wait_for_end(order)
    later = await world.offer("standard", ADULT, service=world.train())
    await world.change(order, replace([f"{order}-1"], later))
    before = world.snapshot(order)
    again = await world.change(order, replace([f"{order}-1"], bundle), key="one")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert world.snapshot(order) == before


async def test_the_same_key_gets_the_same_answer_after_the_deadline_it_set_has_passed(world: World) -> None:
    order, bundle = await drafted(world)
    assert (await world.change(order, replace([f"{order}-1"], bundle))).status == 200
    until = world.components.store.now() + timedelta(minutes=30)
    body, path = {"expires_at": until.isoformat()}, f"/v1/orders/{order}"
    first = await world.send("PATCH", path, body, Idempotency_Key="deadline")
    assert first.status == 200
    with world.clock_at(until + timedelta(minutes=1)):
        again = await world.send("PATCH", path, body, Idempotency_Key="deadline")
        other = await world.send("PATCH", path, body, Idempotency_Key="another")
    assert (again.status, again.body) == (first.status, first.body)
    assert (other.status, other.code) == (422, "MEMBER_INVALID")


async def test_a_refusal_is_answered_again_as_the_same_refusal(world: World) -> None:
    order, _ = await drafted(world)
    first = await world.confirm(order, key="refused-once")
    wrong = await world.change(order, {"op": "remove_lines", "lines": [f"{order}-7"]}, key="no-line")
    again = await world.change(order, {"op": "remove_lines", "lines": [f"{order}-7"]}, key="no-line")
    assert first.status == 200
    assert (again.status, again.body) == (wrong.status, wrong.body) == (404, wrong.body)


Send = Callable[[World, str, str], Awaitable[Answer]]


async def _change(world: World, order: str, key: str) -> Answer:
    return await world.change(order, {"op": "remove_lines", "lines": [f"{order}-{len(key)}"]}, key="route")


async def _confirm(world: World, order: str, key: str) -> Answer:
    return await world.confirm(order, CARD if len(key) > 1 else None, key="route")


async def _pay(world: World, order: str, key: str) -> Answer:
    body = {"amount": f"{len(key)}.00", "currency": "NOK", "method": "card", "token": "tok_ok"}
    return await world.post(f"/v1/orders/{order}/payments", body, "route")


@pytest.mark.parametrize("send", [_change, _confirm, _pay])
async def test_a_key_used_for_another_body_is_refused_and_runs_nothing(world: World, send: Send) -> None:
    order = await world.sold(ADULT)
    await send(world, order, "a")
    before = world.snapshot(order)
    other = await send(world, order, "bb")
    assert (other.status, other.code) == (422, "IDEMPOTENCY_MISMATCH")
    assert world.snapshot(order) == before


async def test_a_key_used_on_another_order_is_refused(world: World) -> None:
    one, two = await world.sold(ADULT), await world.sold(ADULT)
    await world.confirm(one, key="which-order")
    answer = await world.confirm(two, key="which-order")
    assert (answer.status, answer.code) == (422, "IDEMPOTENCY_MISMATCH")


async def test_one_key_on_two_routes_stands_for_two_requests(world: World) -> None:
    order, bundle = await drafted(world)
    assert (await world.change(order, replace([f"{order}-1"], bundle), key="routes")).status == 200
    assert (await world.confirm(order, CARD, key="routes")).status == 200


async def test_the_order_of_members_and_spaces_make_no_other_body(world: World) -> None:
    headers = {"Idempotency-Key": "spaces", "Content-Type": "application/json"}
    one = await world.http.post("/v1/orders", content=b'{"currency":"NOK","external_reference":"a"}', headers=headers)
    two = await world.http.post(
        "/v1/orders", content=b'{ "external_reference" : "a",\n "currency":"NOK" }', headers=headers
    )
    assert (one.status_code, one.json()) == (two.status_code, two.json()) == (201, one.json())


async def test_quoted_and_bare_are_one_key(world: World) -> None:
    one = await world.post("/v1/orders", {"currency": "NOK"}, key="quoted-key")
    two = await world.post("/v1/orders", {"currency": "NOK"}, key='"quoted-key"')
    assert one.body["number"] == two.body["number"]


async def test_a_replayed_creation_returns_the_order_as_it_was_created(world: World) -> None:
    first = await world.post("/v1/orders", {"currency": "NOK", "external_reference": "shop-1"}, key="same-key")
    order = first.body["number"]
    bundle = await world.offer("standard", ADULT, service=world.train())
    await world.change(order, add(bundle, ADULT), confirm=True, payment=CARD)
    again = await world.post("/v1/orders", {"currency": "NOK", "external_reference": "shop-1"}, key="same-key")
    assert (again.status, again.body, again.headers["etag"]) == (201, first.body, first.headers["etag"])


@pytest.mark.parametrize("path", ["", "/{order}/changes", "/{order}/confirm", "/{order}/payments"])
async def test_a_post_without_a_key_is_refused(world: World, path: str) -> None:
    where = f"/v1/orders{path.format(order=await world.order())}"
    bodies = {
        "": {"currency": "NOK"},
        "/{order}/changes": {"operations": [{"op": "remove_lines", "lines": ["26-100001-1"]}]},
        "/{order}/confirm": {},
        "/{order}/payments": {"amount": "1.00", "currency": "NOK", "method": "card", "token": "t"},
    }
    answer = await world.http.post(where, json=bodies[path])
    assert (answer.status_code, answer.json()["code"]) == (400, "IDEMPOTENCY_KEY_MISSING")


@pytest.mark.only_on("sqlite")  # the store is not queried
@pytest.mark.parametrize("key", ["", '""', "a" * 256, "with space", "æ".encode().decode("latin-1")])
async def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = await world.http.post("/v1/orders", json={"currency": "NOK"}, headers=headers)
    assert answer.status_code == 400


@pytest.mark.only_on("sqlite")  # the store is not queried
async def test_two_keys_on_one_request_are_refused(world: World) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await world.http.post("/v1/orders", json={"currency": "NOK"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "HEADER_INVALID")


async def test_offers_and_quotes_need_no_key(world: World) -> None:
    order, bundle = await drafted(world)
    travellers = [{"id": ADULT, "birth_date": "1990-01-01"}]
    offers = await world.http.post("/v1/offers", json={"service": world.train(), "travellers": travellers})
    quotes = await world.http.post(f"/v1/orders/{order}/quotes", json={"operations": [replace([f"{order}-1"], bundle)]})
    assert (offers.status_code, quotes.status_code) == (200, 200)


async def test_a_key_sent_again_while_the_first_runs_gets_its_answer(world: World) -> None:
    order, bundle = await drafted(world)
    operation = replace([f"{order}-1"], bundle)
    first, second = await asyncio.gather(
        world.change(order, operation, key="in-flight"), world.change(order, operation, key="in-flight")
    )
    assert (first.status, first.body) == (second.status, second.body) == (200, first.body)
