"""The route for a provider's events: what is signed is kept once, and nothing else is believed or repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from api.auth.authenticator import AuthSettings
from api.auth.route_scopes import SIGNED_ROUTES
from api.http.routes import SignedRoute
from api.middleware.body_limit import MAX_BODY
from api.workflow_client import OrderWorkflowClient, SubmitRequest
from domain.access import TenantAccess
from domain.money import Money
from domain.provider_events import ProviderEvent, ProviderEventKind
from examples.fake_systems.bank_events import SECRET, deliver, event_body
from examples.providers.bank_events import BankEventSettings, NotifyingBankPayments
from store.changes import provider_events
from store.tables import DisputeRow, ProviderEventRow
from tests.support.auth import PEPPER
from tests.support.canary import ADULT, FAMILY
from tests.support.provider_events import PATH, disputes, history, inbox, notify, payment_keys, requests, served
from tests.support.routes import documented_routes
from tests.support.world import World


@asynccontextmanager
async def notifying(world: World, **auth: Any) -> AsyncIterator[World]:
    """An API whose payment provider sends events, and that authenticates its clients."""
    bank = NotifyingBankPayments(
        BankEventSettings(url="http://nowhere", secret=SecretStr("unused"), event_secrets=(SecretStr(SECRET),))
    )
    async with world.with_api(payments=bank, auth=AuthSettings(PEPPER, **auth)) as api:
        yield api
    bank.close()


def opened(key: str, name: str, **more: str) -> bytes:
    return event_body("dispute_opened", key, 29_900, dispute=name, **more)


async def test_an_event_needs_a_signature_and_no_client(world: World) -> None:
    order = await world.sold(ADULT)
    async with notifying(world) as api:
        assert (await api.http.get(f"/v1/orders/{order}")).status_code == 401
        answer = await notify(api, opened(payment_keys(world, order)[0], "dp_api"))
        assert (answer.status_code, answer.json()) == (200, {"result": "kept"})
    await served(world)
    assert disputes(world, order) == [("dp_api", "open")]
    (shown,) = requests(world, order)
    assert (await world.send("GET", f"/v1/changes/{shown.id}")).body["state"] == "done"
    assert [each["dispute"] for each in await history(world, order, "dispute_opened")] == ["dp_api"]


async def test_what_is_forged_altered_or_old_is_refused_without_repeating_it(world: World) -> None:
    known, body = len(inbox(world)), opened("elsewhere/authorise_payment", FAMILY)
    headers, _ = deliver(body)
    async with notifying(world) as api:
        answers = [
            await notify(api, body, "another"),
            await notify(api, body, age=timedelta(minutes=6)),
            await api.http.post(PATH, content=body, headers={"content-type": "application/json"}),
            await api.http.post(PATH, content=body.replace(b"29900", b"29901"), headers=headers),
        ]
        unreadable = await notify(api, b'{"id": "' + FAMILY.encode() + b'"}')
    assert [(each.status_code, each.json()["code"]) for each in answers] == [(400, "EVENT_NOT_VERIFIED")] * 4
    assert (unreadable.status_code, unreadable.json()["code"]) == (400, "EVENT_UNREADABLE")
    assert all(FAMILY not in each.text for each in (*answers, unreadable))
    assert len(inbox(world)) == known


async def test_a_body_that_is_too_large_or_no_json_is_refused(world: World) -> None:
    async with notifying(world) as api:
        large = await notify(api, b" " * (MAX_BODY + 1))
        headers, body = deliver(b"<html>")
        page = await api.http.post(PATH, content=body, headers=headers | {"content-type": "text/html"})
    assert (large.status_code, large.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert (page.status_code, page.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_kind_that_is_not_ours_is_answered_and_not_kept(world: World) -> None:
    known = len(inbox(world))
    async with notifying(world) as api:
        answer = await notify(api, event_body("statement_ready", "none"))
    assert (answer.status_code, answer.json(), len(inbox(world))) == (200, {"result": "ignored"}, known)


async def test_a_provider_that_sends_no_events_has_no_such_route(world: World) -> None:
    answer = await notify(world, opened("any/authorise_payment", "dp_none"))
    assert (answer.status_code, answer.json()["code"]) == (404, "NO_PROVIDER_EVENTS")


async def test_forgers_are_limited_by_address_and_the_provider_by_itself(world: World) -> None:
    body = event_body("statement_ready", "none")
    async with notifying(world, unauthenticated_per_minute=2, client_per_minute=2) as api:
        forged = [(await notify(api, body, "another")).status_code for _ in range(3)]
        signed = [(await notify(api, body)).status_code for _ in range(3)]
    assert (forged, signed) == ([400, 400, 429], [200, 200, 429])


async def test_one_route_alone_has_a_signature_instead_of_a_scope(world: World) -> None:
    unscoped = {each.name for each in await documented_routes(world) if not each.security}
    assert unscoped & SIGNED_ROUTES == SIGNED_ROUTES == {"receive_provider_event"}
    with pytest.raises(LookupError):
        SignedRoute("/v1/other", lambda: None, name="another_route")


async def test_a_tenants_event_is_kept_for_that_tenant_alone(world: World) -> None:
    order = await world.sold(ADULT)
    key, store = payment_keys(world, order)[0], world.components.store
    about: dict[str, Any] = {"provider": "bank", "id": "same-id", "kind": ProviderEventKind.DISPUTE_OPENED, "key": key}
    for tenant in ("default", "neighbour"):
        event = ProviderEvent(**about, tenant=tenant, amount=Money(100, "NOK"), dispute=f"dp_{tenant}")
        with store.for_tenant(TenantAccess(tenant)).write() as tx:
            row = provider_events.receive(tx, event, store.now())
            assert row is not None
            assert (row.order_number == order) == (tenant == "default")
            assert provider_events.receive(tx, event, store.now()) is None
    with store.for_tenant(TenantAccess("neighbour")).read() as tx:
        query = select(ProviderEventRow.tenant).where(col(ProviderEventRow.id) == "same-id")
        seen = tx.exec(query.where(ProviderEventRow.tenant == tx.access.tenant)).all()
        assert seen == ["neighbour"]
        assert tx.exec(select(DisputeRow).where(DisputeRow.tenant == tx.access.tenant)).all() == []
    (request,) = requests(world, order)
    assert request.tenant == "default"
    # Nothing submits it here: the request is served as the rounds do it, so that none stays behind.
    await finish(world, order, request.id)


async def finish(world: World, order: str, change: str) -> None:
    """Serve a request that was recorded only."""
    await OrderWorkflowClient(world.client).signal_event(SubmitRequest("provider_event", change, order, None, ""))
    assert await world.wait_for_outcome(change) == "done"
