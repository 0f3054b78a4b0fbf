"""Tenant scope: orders of another tenant, of another channel and unknown ones get the same 404."""

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


async def of_kiosk(authenticated: AuthenticatedWorld) -> tuple[World, str, str]:
    """Return a client of one channel, one of its orders, and a change of that order."""
    world = authenticated.client(channel="WAY:Kiosk").world
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    changed = await world.change(order, add(bundle, ADULT))
    assert changed.status == 200, changed.body
    return world, order, changed.change


def bodies(order: str, offer: str, bundle: str) -> dict[str, Json]:
    """Return a valid body for each route with an order, so that only the tenant scope can refuse it."""
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
        "reverse": {"reason": "a test"},
        "reseat": {"reason": "a test"},
        "payout": {"amount": "1.00", "reason": "a test"},
        "close_dispute": {"dispute": "dp_1", "reason": "a test"},
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
"""Routes whose order is not in the path."""


@pytest.fixture
async def webhook(authenticated: AuthenticatedWorld) -> AsyncIterator[str]:
    client = authenticated.client().world
    webhook = str((await client.post("/v1/webhooks", {"url": "http://127.0.0.1:9/"})).body["id"])
    yield webhook
    assert (await client.http.delete(f"/v1/webhooks/{webhook}")).status_code == 204


@pytest.mark.parametrize("other", ["another tenant", "another channel"])
async def test_every_route_answers_for_a_foreign_order_as_for_an_unknown_one(
    authenticated: AuthenticatedWorld, webhook: str, other: str
) -> None:
    owner, order, change = await of_kiosk(authenticated)
    foreigner = (
        authenticated.client(tenant="elsewhere") if other == "another tenant" else authenticated.client(channel=CHANNEL)
    )
    bundle = await owner.post("/v1/offers", {"product": "standard", "travellers": [PERSON], "service": owner.train()})
    (found,) = bundle.body["offer_bundles"]
    offer, foreign_bundle = str(uuid.uuid4()), str(uuid.uuid4())
    with owner.components.store.read() as tx:
        kept = offer_bundles.find(tx, TENANT, [found["id"]])[found["id"]]
    with owner.components.store.for_tenant(TenantAccess(foreigner.tenant)).write() as tx:
        # The offer belongs to the foreign client; only the order does not.
        offers = tuple(each.model_copy(update={"id": offer}) for each in kept.offers)
        offer_bundles.keep(tx, kept.model_copy(update={"id": foreign_bundle, "offers": offers}))

    async def send(route: DocumentedRoute, order: str, **of: str) -> httpx2.Response:
        headers = HEADERS | {"Entur-Distribution-Channel": CHANNEL, "Idempotency-Key": f"{order}-{route.name}"}
        sent, address = bodies(order, offer, foreign_bundle).get(route.name, {}), route.address(order=order, **of)
        return await foreigner.world.http.request(route.method, address, headers=raw_headers(headers), json=sent)

    francs = await owner.order("CHF")
    assert (await owner.send("GET", f"/b2bmarket/v1/orders/{francs}")).status == 200
    checked = 0
    for route in await documented_routes(authenticated.world):
        if route.name in PUBLIC_ROUTES or ("{" not in route.path and route.name not in BY_BODY):
            continue
        # discover.swiss's API serves only orders in francs; others are 404 for every client.
        foreign_order = francs if route.name.startswith("discover") else order
        foreign, unknown = await send(route, foreign_order, change=change, webhook=webhook), await send(route, UNKNOWN)
        of_nobody_here = other == "another channel" and route.security == [{"bearer": [Scope.ADMINISTER]}]
        assert foreign.status_code == unknown.status_code == (403 if of_nobody_here else 404), (route, foreign.text)
        assert foreign.json()["code"] == unknown.json()["code"]
        assert foreign_order not in foreign.text
        checked += 1
    assert checked > 30


async def test_a_client_of_a_channel_sees_its_orders_but_none_without_a_channel(
    authenticated: AuthenticatedWorld,
) -> None:
    kiosk, order, change = await of_kiosk(authenticated)
    assert (await kiosk.show(order))["distribution_channel"] == "WAY:Kiosk"
    assert (await kiosk.send("GET", f"/v1/changes/{change}")).status == 200
    of_nobody = await authenticated.client().world.order()
    assert (await kiosk.send("GET", f"/v1/orders/{of_nobody}")).status == 404


async def test_a_client_of_the_whole_tenant_sees_every_channel(authenticated: AuthenticatedWorld) -> None:
    _, order, change = await of_kiosk(authenticated)
    office = authenticated.client(Scope.READ).world
    assert (await office.send("GET", f"/v1/orders/{order}")).status == 200
    assert (await office.send("GET", f"/v1/changes/{change}")).status == 200


async def test_a_client_of_a_channel_creates_orders_of_that_channel_only(authenticated: AuthenticatedWorld) -> None:
    kiosk = authenticated.client(channel="WAY:Kiosk").world
    created = await kiosk.post("/v1/orders", {"currency": "NOK"})
    assert created.body["distribution_channel"] == "WAY:Kiosk"
    refused = await kiosk.post("/v1/orders", {"currency": "NOK", "distribution_channel": "WAY:App"})
    assert (refused.status, refused.code) == (403, "CHANNEL_REFUSED")


async def test_enturs_channel_header_must_be_the_clients_own(authenticated: AuthenticatedWorld) -> None:
    kiosk = authenticated.client(channel="WAY:Kiosk").world
    address = f"/sales/v1/orders/{UNKNOWN}"
    assert (await kiosk.http.get(address, headers=raw_headers(HEADERS))).status_code == 403
    assert (
        await kiosk.http.get(address, headers=raw_headers(HEADERS | {"Entur-Distribution-Channel": "WAY:Kiosk"}))
    ).status_code == 404


async def test_an_idempotency_key_is_each_clients_own(authenticated: AuthenticatedWorld) -> None:
    one, two = authenticated.client().world, authenticated.client().world
    first, second = [await each.post("/v1/orders", {"currency": "NOK"}, key="the-same") for each in (one, two)]
    again = await one.post("/v1/orders", {"currency": "NOK"}, key="the-same")
    assert first.body["number"] != second.body["number"]
    assert again.body["number"] == first.body["number"]
    other = await two.post("/v1/orders", {"currency": "SEK"}, key="the-same")
    assert other.code == "IDEMPOTENCY_MISMATCH"
