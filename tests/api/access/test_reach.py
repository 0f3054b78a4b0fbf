"""Nobody sees another's orders: another tenant's, another channel's and unknown ones are the same 404."""

from collections.abc import AsyncIterator

import pytest

from domain.access import Scope
from tests.api.access.test_door import ENTUR, OPEN
from tests.support.access import Guarded, guarded
from tests.support.canary import ADULT
from tests.support.routes import described
from tests.support.world import World, add

UNKNOWN = "26-999999"


@pytest.fixture
async def door(world: World) -> AsyncIterator[Guarded]:
    async with guarded(world) as made:
        yield made


async def of_kiosk(door: Guarded) -> tuple[World, str, str]:
    """Return a client of one channel, an order of its own, and a change of it."""
    world = door.client(channel="WAY:Kiosk").world
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    changed = await world.change(order, add(bundle, ADULT))
    assert changed.status == 200, changed.body
    return world, order, changed.change


@pytest.mark.parametrize("other", ["another tenant", "another channel"])
async def test_every_route_answers_for_a_foreign_order_as_for_an_unknown_one(door: Guarded, other: str) -> None:
    _, order, change = await of_kiosk(door)
    stranger = door.client(tenant="elsewhere") if other == "another tenant" else door.client(channel="WAY:App")
    for route in await described(door.world):
        if route.name in OPEN or ("{" not in route.path and route.name != "get_change_options"):
            continue
        foreign, unknown = [
            await stranger.world.http.request(
                route.method,
                route.address(**mine),
                headers=ENTUR | {"Idempotency-Key": f"{order}-{route.name}-{number}"},
                json={},
            )
            for number, mine in enumerate(({"order": order, "change": change}, dict[str, str]()))
        ]
        assert foreign.status_code == unknown.status_code, (route, foreign.text, unknown.text)
        assert foreign.status_code in (400, 404, 422), (route, foreign.text)
        assert foreign.json()["code"] == unknown.json()["code"]
        assert order not in foreign.text


async def test_its_own_are_seen_and_an_order_of_no_channel_is_not(door: Guarded) -> None:
    kiosk, order, change = await of_kiosk(door)
    assert (await kiosk.show(order))["distribution_channel"] == "WAY:Kiosk"
    assert (await kiosk.send("GET", f"/v1/changes/{change}")).status == 200
    of_nobody = await door.client().world.order()
    assert (await kiosk.send("GET", f"/v1/orders/{of_nobody}")).status == 404


async def test_a_client_of_the_whole_tenant_sees_every_channel(door: Guarded) -> None:
    _, order, change = await of_kiosk(door)
    office = door.client(Scope.READ).world
    assert (await office.send("GET", f"/v1/orders/{order}")).status == 200
    assert (await office.send("GET", f"/v1/changes/{change}")).status == 200


async def test_a_client_of_a_channel_makes_orders_of_that_channel_only(door: Guarded) -> None:
    kiosk = door.client(channel="WAY:Kiosk").world
    made = await kiosk.post("/v1/orders", {"currency": "NOK"})
    assert made.body["distribution_channel"] == "WAY:Kiosk"
    refused = await kiosk.post("/v1/orders", {"currency": "NOK", "distribution_channel": "WAY:App"})
    assert (refused.status, refused.code) == (403, "CHANNEL_REFUSED")


async def test_enturs_channel_header_must_be_the_clients_own(door: Guarded) -> None:
    kiosk = door.client(channel="WAY:Kiosk").world
    address = f"/sales/v1/orders/{UNKNOWN}"
    assert (await kiosk.http.get(address, headers=ENTUR)).status_code == 403
    assert (
        await kiosk.http.get(address, headers=ENTUR | {"Entur-Distribution-Channel": "WAY:Kiosk"})
    ).status_code == 404


async def test_an_idempotency_key_is_each_clients_own(door: Guarded) -> None:
    one, two = door.client().world, door.client().world
    first, second = [await each.post("/v1/orders", {"currency": "NOK"}, key="the-same") for each in (one, two)]
    again = await one.post("/v1/orders", {"currency": "NOK"}, key="the-same")
    assert first.body["number"] != second.body["number"]
    assert again.body["number"] == first.body["number"]
    other = await two.post("/v1/orders", {"currency": "SEK"}, key="the-same")
    assert other.code == "IDEMPOTENCY_MISMATCH"
