"""Every change tells its client and its reason on history, at the desk and in the API, and nowhere else."""

import uuid
from datetime import timedelta

import pytest

from store import erasure
from tests.api.desk.visitor import words_of
from tests.support.auth import with_authentication
from tests.support.canary import ADULT, GIVEN
from tests.support.erasure_data import backdate_order, tables_containing
from tests.support.world import CARD, TENANT, Json, World, replace


async def change_everything(world: World, reason: str) -> str:
    """Send every kind of request with a reason, each with its kind, and return the order."""
    created = await world.post("/v1/orders", {"currency": "NOK", "reason": f"create {reason}"})
    assert created.status == 201, created.body
    order = str(created.body["number"])
    bundle = await world.offer("flexible", ADULT, service=world.train())
    person = {"id": ADULT, "given_name": "A", "family_name": "B"}
    sale = {"op": "add_lines", "offer_bundle_id": bundle, "travellers": [person]}
    assert (await world.change(order, sale, reason=f"change {reason}")).status == 200
    body = {"amount": "100.00", "currency": "NOK", **CARD, "reason": f"pay {reason}"}
    assert (await world.post(f"/v1/orders/{order}/payments", body)).status == 200
    later = (world.components.store.now() + timedelta(hours=2)).isoformat()
    moved = await world.send("PATCH", f"/v1/orders/{order}", {"expires_at": later, "reason": f"extend {reason}"})
    assert moved.status == 200, moved.body
    confirmed = await world.post(f"/v1/orders/{order}/confirm", {"payment": CARD, "reason": f"confirm {reason}"})
    assert confirmed.status == 200, confirmed.body
    assert (await world.upgrade(order)).status == 200
    discarded = await world.send("DELETE", f"/v1/orders/{order}/draft", {"reason": f"discard {reason}"})
    assert discarded.status == 200
    return order


KINDS = ["create", "change", "pay", "extend", "confirm", "discard"]


async def test_each_change_tells_its_client_and_its_reason(world: World) -> None:
    async with with_authentication(world) as authenticated:
        al = authenticated.client()
        order = await change_everything(al.world, "as asked")
        rows = {row.kind: row for row in world.changes_of(order) if "as asked" in row.request}
        assert sorted(rows) == sorted(KINDS)
        for kind, row in rows.items():
            details = (await al.world.send("GET", f"/v1/changes/{row.id}")).body
            assert (details["client"], details["reason"]) == (al.name, f"{kind} as asked")
        events = (await al.world.send("GET", f"/v1/orders/{order}/history")).body["events"]
        by_change = {row.id: (al.name, f"{kind} as asked") for kind, row in rows.items()}
        for event in events:
            if event["change"] in by_change:
                assert (event["client"], event["reason"]) == by_change[event["change"]]
        assert {event["change"] for event in events} >= set(by_change)


async def test_a_change_without_a_reason_has_none_and_an_event_without_a_change_no_client(world: World) -> None:
    order, _ = await world.open_draft()
    await world.discard(order)
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    assert {(event["client"], event["reason"]) for event in events if event["change"]} == {("local", None)}
    assert {(event["client"], event["reason"]) for event in events if not event["change"]} == {(None, None)}


async def test_the_desk_shows_client_and_reason(world: World) -> None:
    async with with_authentication(world) as authenticated:
        al = authenticated.client()
        order = await change_everything(al.world, "<b>as asked</b>")
    page = (await world.http.get(f"/desk/orders/{order}")).text
    timeline = words_of(page).partition("Timeline")[2]
    for kind in KINDS:
        assert f"“{kind} &lt;b&gt;as asked&lt;/b&gt;”" in page
    assert al.name in timeline


async def test_a_reason_stays_with_its_request_and_an_erasure_blanks_it(world: World) -> None:
    marker = f"{GIVEN} {uuid.uuid4().hex}"
    order, store = await change_everything(world, marker), world.components.store
    assert tables_containing(store, marker) == {"changes"}
    await world.wait_for_end(order)
    backdate_order(store, order, timedelta(days=90))
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, order, store.now()) == 1
    assert tables_containing(store, marker) == set()
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    assert {event["reason"] for event in events} == {None}


@pytest.mark.parametrize("reason", ["", " ", "x" * 201, "a\nb", 7])
async def test_a_reason_that_cannot_be_shown_is_refused_everywhere(world: World, reason: object) -> None:
    order, operation = await world.order(), replace(["26-100001-1"], "b")
    bodies: dict[tuple[str, str], Json] = {
        ("POST", "/v1/orders"): {"currency": "NOK"},
        ("POST", f"/v1/orders/{order}/changes"): {"operations": [operation]},
        ("POST", f"/v1/orders/{order}/payments"): {"amount": "1.00", "currency": "NOK", **CARD},
        ("POST", f"/v1/orders/{order}/confirm"): {},
    }
    for (method, path), body in bodies.items():
        key = str(uuid.uuid4())
        answer = await world.send(method, path, {**body, "reason": reason}, Idempotency_Key=key)
        assert (answer.status, answer.code) == (422, "MEMBER_INVALID"), path


async def test_a_quote_has_no_reason_because_nothing_is_recorded(world: World) -> None:
    body = {"operations": [replace(["26-100001-1"], "b")], "reason": "curious"}
    answer = await world.post(f"/v1/orders/{await world.order()}/quotes", body)
    assert (answer.status, answer.body["errors"][0]["member"]) == (422, "reason")
