"""Authentication and scopes of every route in the OpenAPI document, and every way to be refused."""

import base64

import pytest

from api.auth.route_scopes import SCOPE_OF
from domain.access import Scope
from store import clients
from tests.support.auth import AuthenticatedWorld
from tests.support.canary import ADULT
from tests.support.entur_client import HEADERS, raw_headers
from tests.support.routes import PUBLIC_ROUTES, documented_routes
from tests.support.world import TENANT, World, add


async def test_every_route_requires_authentication_except_the_public_ones(
    authenticated: AuthenticatedWorld,
) -> None:
    routes = await documented_routes(authenticated.world)
    assert {each.name for each in routes if not each.security} == PUBLIC_ROUTES
    for route in routes:
        answer = await authenticated.world.http.request(
            route.method, route.address(), headers=raw_headers(HEADERS), json={}
        )
        assert (answer.status_code == 401) == (route.name not in PUBLIC_ROUTES), route
        if route.name not in PUBLIC_ROUTES:
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["code"] == "UNAUTHENTICATED"


async def test_every_route_requires_exactly_its_scope(authenticated: AuthenticatedWorld) -> None:
    worlds_with_one_scope = {scope: authenticated.client(scope).world for scope in Scope}
    for route in await documented_routes(authenticated.world):
        if route.name in PUBLIC_ROUTES:
            continue
        required = SCOPE_OF[route.name]
        assert route.security == [{"bearer": [required]}]
        for scope, world in worlds_with_one_scope.items():
            answer = await world.http.request(route.method, route.address(), headers=raw_headers(HEADERS), json={})
            assert answer.status_code != 401
            assert (answer.status_code == 403) == (scope is not required), (route, scope, answer.text)


async def test_moving_money_requires_confirm_beside_change(authenticated: AuthenticatedWorld) -> None:
    world = authenticated.client(Scope.CHANGE, Scope.READ).world
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    refused = await world.change(order, add(bundle, ADULT), confirm=True, payment={"method": "card", "token": "tok_ok"})
    assert (refused.status, refused.code) == (403, "SCOPE_MISSING")
    assert (await world.change(order, add(bundle, ADULT))).status == 200
    assert not [row for row in world.changes_of(order) if row.outcome is None]


@pytest.mark.parametrize(
    "credential",
    ["", "cho_0000000000_", f"cho_0000000000_{'A' * 43}", "nonsense", "a.b.c", "Ægir", f"cho_0000000000_{'A' * 5000}"],
    ids=["none", "half a key", "a key nobody has", "no key", "no token", "no ASCII", "too long"],
)
async def test_what_is_no_credential_is_401(authenticated: AuthenticatedWorld, credential: str) -> None:
    headers = [(b"Authorization", f"Bearer {credential}".encode())]
    answer = await authenticated.world.http.get("/v1/orders/26-100000", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
    assert credential == "" or credential not in answer.text


async def test_a_key_with_another_secret_is_401(authenticated: AuthenticatedWorld) -> None:
    key = authenticated.client().key.text
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert (await authenticated.with_bearer(wrong).send("GET", "/v1/orders/26-100000")).status == 401
    assert (await authenticated.with_bearer(key).send("GET", "/v1/orders/26-999999")).status == 404


async def test_two_authorizations_are_refused(authenticated: AuthenticatedWorld) -> None:
    key = authenticated.client().key.text
    headers = [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]
    assert (await authenticated.world.http.get("/v1/orders/26-100000", headers=headers)).status_code == 400


async def test_a_key_may_be_the_password_of_basic_authentication(authenticated: AuthenticatedWorld) -> None:
    pair = base64.b64encode(f"anybody:{authenticated.client().key.text}".encode()).decode()
    answer = await authenticated.world.http.get("/v1/orders/26-999999", headers={"Authorization": f"Basic {pair}"})
    assert answer.status_code == 404


async def test_a_credential_in_the_url_is_refused_before_it_is_checked(authenticated: AuthenticatedWorld) -> None:
    key = authenticated.client().key.text
    for name in ("api_key", "access_token", "Token"):
        answer = await authenticated.world.http.get(f"/v1/orders/26-100000?{name}={key}")
        assert (answer.status_code, answer.json()["code"]) == (400, "CREDENTIAL_IN_QUERY")
        assert key not in answer.text


async def test_keys_are_rotated_without_a_pause_and_revoked_at_once(authenticated: AuthenticatedWorld) -> None:
    client, store = authenticated.client(), authenticated.world.components.store
    second = authenticated.add_key(client.name)
    with pytest.raises(clients.TooManyKeysError):
        authenticated.add_key(client.name)

    async def statuses() -> list[int]:
        worlds = (client.world, authenticated.with_bearer(second.text))
        return [(await each.send("GET", "/v1/orders/26-999999")).status for each in worlds]

    assert await statuses() == [404, 404]
    with store.write() as tx:
        clients.keys_of(tx, client.name)[0].revoked_at = store.now()
    assert await statuses() == [401, 404]
    with store.write() as tx:
        row = clients.find(tx, TENANT, client.name)
        assert row
        row.revoked_at = store.now()
    assert await statuses() == [401, 401]


async def test_the_last_use_of_a_key_is_recorded(authenticated: AuthenticatedWorld) -> None:
    client, store = authenticated.client(), authenticated.world.components.store

    def used() -> object:
        with store.read() as tx:
            return clients.keys_of(tx, client.name)[0].last_used_at

    assert used() is None
    await client.world.send("GET", "/v1/orders/26-999999")
    first = used()
    assert first is not None
    await client.world.send("GET", "/v1/orders/26-999999")
    assert used() == first  # to the minute: not every request is a write


async def test_only_a_hash_of_a_key_is_stored(authenticated: AuthenticatedWorld) -> None:
    client, store = authenticated.client(), authenticated.world.components.store
    with store.read() as tx:
        (row,) = clients.keys_of(tx, client.name)
    secret = client.key.text.split("_", 2)[2]
    assert secret not in row.model_dump_json()


async def test_a_body_is_not_read_before_its_sender_is_authenticated(authenticated: AuthenticatedWorld) -> None:
    answer = await authenticated.world.http.post(
        "/v1/orders", content=b"{" * 1000, headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 401


async def test_without_authentication_every_route_works(world: World) -> None:
    assert (await world.send("GET", "/v1/orders/26-999999")).status == 404
