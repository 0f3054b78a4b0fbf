"""Nobody sees another's orders: another tenant's, another channel's and unknown ones are the same 404."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from domain.access import Scope, TenantAccess
from store.orders import offer_bundles
from tests.support.auth import AuthenticatedWorld
from tests.support.canary import ADULT
from tests.support.entur_client import HEADERS, raw_headers
from tests.support.routes import PUBLIC_ROUTES, DocumentedRoute, documented_routes
from tests.support.world import PEOPLE, TENANT, Json, World, add

UNKNOWN = "26-999999"
CHANNEL = "WAY:App"
PERSON = {"id": ADULT, "birth_date": PEOPLE[ADULT]["birth_date"]}


async def of_kiosk(door: AuthenticatedWorld) -> tuple[World, str, str]:
    """Return a client of one channel, an order of its own, and a change of it."""
    world = door.client(channel="WAY:Kiosk").world
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    changed = await world.change(order, add(bundle, ADULT))
    assert changed.status == 200, changed.body
    return world, order, changed.change


def bodies(order: str, offer: str, bundle: str) -> dict[str, Json]:
    """Return what each route that names an order takes, so that nothing is wrong with it but whose the order is."""
    line, configured = f"{order}-1", {"offerId": offer}
    change = {"operations": [{"op": "remove_lines", "lines": [line]}]}
    updated = {"orderId": order, "offerConfigurations": [configured | {"orderLineId": line}]}
    return {
        "quote": change,
        "change": change,
        "pay": {"method": "card", "token": "tok_ok", "amount": "1.00", "currency": "NOK"},
        "extend": {"expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat()},  # noqa: TID251 - what a client sends
        "retry_now": {"reason": "a test"},
        "done_by_hand": {"reason": "a test"},
        "change_webhook": {"enabled": True},
        "reserve_offers": {"orderId": order, "offerConfigurations": [configured]},
        "update_order": updated,
        "add_supplements": updated | {"offerConfigurations": [configured | {"orderLineId": line, **_BIKE}]},
        "discover_update": {"orderedItem": [{"offerBundleId": bundle}]},
        "discover_add_item": {"offerBundleId": bundle},
        "discover_update_item": {"offerBundleId": bundle},
        "discover_offers": {"orderedItem": {"productID": "standard"}},
    }


_BIKE = {"selectedProductsConfiguration": [{"selectedProductId": "bicycle"}]}
BY_BODY = ("get_change_options", "reserve_offers", "update_order", "add_supplements")
"""Routes that name their order elsewhere than in the path."""


@pytest.fixture
async def webhook(door: AuthenticatedWorld) -> AsyncIterator[str]:
    client = door.client().world
    made = str((await client.post("/v1/webhooks", {"url": "http://127.0.0.1:9/"})).body["id"])
    yield made
    assert (await client.http.delete(f"/v1/webhooks/{made}")).status_code == 204


@pytest.mark.parametrize("other", ["another tenant", "another channel"])
async def test_every_route_answers_for_a_foreign_order_as_for_an_unknown_one(
    door: AuthenticatedWorld, webhook: str, other: str
) -> None:
    owner, order, change = await of_kiosk(door)
    foreigner = door.client(tenant="elsewhere") if other == "another tenant" else door.client(channel=CHANNEL)
    bundle = await owner.post("/v1/offers", {"product": "standard", "travellers": [PERSON], "service": owner.train()})
    (found,) = bundle.body["offer_bundles"]
    offer, promise = str(uuid.uuid4()), str(uuid.uuid4())
    with owner.components.store.read() as tx:
        kept = offer_bundles.find(tx, TENANT, [found["id"]])[found["id"]]
    with owner.components.store.for_tenant(TenantAccess(foreigner.tenant)).write() as tx:
        # The offer is their own: only the order is not.
        offers = tuple(each.model_copy(update={"id": offer}) for each in kept.offers)
        offer_bundles.keep(tx, kept.model_copy(update={"id": promise, "offers": offers}))

    async def asked(route: DocumentedRoute, order: str, **of: str) -> httpx2.Response:
        headers = HEADERS | {"Entur-Distribution-Channel": CHANNEL, "Idempotency-Key": f"{order}-{route.name}"}
        sent, address = bodies(order, offer, promise).get(route.name, {}), route.address(order=order, **of)
        return await foreigner.world.http.request(route.method, address, headers=raw_headers(headers), json=sent)

    francs = await owner.order("CHF")
    assert (await owner.send("GET", f"/b2bmarket/v1/orders/{francs}")).status == 200
    tried = 0
    for route in await documented_routes(door.world):
        if route.name in PUBLIC_ROUTES or ("{" not in route.path and route.name not in BY_BODY):
            continue
        # Orders in other money than francs are 404 there for everybody.
        theirs = francs if route.name.startswith("discover") else order
        foreign, unknown = await asked(route, theirs, change=change, webhook=webhook), await asked(route, UNKNOWN)
        of_nobody_here = other == "another channel" and route.security == [{"bearer": [Scope.ADMINISTER]}]
        assert foreign.status_code == unknown.status_code == (403 if of_nobody_here else 404), (route, foreign.text)
        assert foreign.json()["code"] == unknown.json()["code"]
        assert theirs not in foreign.text
        tried += 1
    assert tried > 30


async def test_its_own_are_seen_and_an_order_of_no_channel_is_not(door: AuthenticatedWorld) -> None:
    kiosk, order, change = await of_kiosk(door)
    assert (await kiosk.show(order))["distribution_channel"] == "WAY:Kiosk"
    assert (await kiosk.send("GET", f"/v1/changes/{change}")).status == 200
    of_nobody = await door.client().world.order()
    assert (await kiosk.send("GET", f"/v1/orders/{of_nobody}")).status == 404


async def test_a_client_of_the_whole_tenant_sees_every_channel(door: AuthenticatedWorld) -> None:
    _, order, change = await of_kiosk(door)
    office = door.client(Scope.READ).world
    assert (await office.send("GET", f"/v1/orders/{order}")).status == 200
    assert (await office.send("GET", f"/v1/changes/{change}")).status == 200


async def test_a_client_of_a_channel_makes_orders_of_that_channel_only(door: AuthenticatedWorld) -> None:
    kiosk = door.client(channel="WAY:Kiosk").world
    made = await kiosk.post("/v1/orders", {"currency": "NOK"})
    assert made.body["distribution_channel"] == "WAY:Kiosk"
    refused = await kiosk.post("/v1/orders", {"currency": "NOK", "distribution_channel": "WAY:App"})
    assert (refused.status, refused.code) == (403, "CHANNEL_REFUSED")


async def test_enturs_channel_header_must_be_the_clients_own(door: AuthenticatedWorld) -> None:
    kiosk = door.client(channel="WAY:Kiosk").world
    address = f"/sales/v1/orders/{UNKNOWN}"
    assert (await kiosk.http.get(address, headers=raw_headers(HEADERS))).status_code == 403
    assert (
        await kiosk.http.get(address, headers=raw_headers(HEADERS | {"Entur-Distribution-Channel": "WAY:Kiosk"}))
    ).status_code == 404


async def test_an_idempotency_key_is_each_clients_own(door: AuthenticatedWorld) -> None:
    one, two = door.client().world, door.client().world
    first, second = [await each.post("/v1/orders", {"currency": "NOK"}, key="the-same") for each in (one, two)]
    again = await one.post("/v1/orders", {"currency": "NOK"}, key="the-same")
    assert first.body["number"] != second.body["number"]
    assert again.body["number"] == first.body["number"]
    other = await two.post("/v1/orders", {"currency": "SEK"}, key="the-same")
    assert other.code == "IDEMPOTENCY_MISMATCH"
