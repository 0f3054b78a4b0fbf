"""An API that authenticates its clients, and clients registered with it."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from api.auth.access_tokens import TokenVerifier
from api.auth.api_keys import GeneratedKey, hash_key, new_key
from api.auth.authenticator import AuthSettings
from domain.access import WHOLE_TENANT, Scope, TenantAccess
from store import clients
from tests.support.world import TENANT, World

PEPPER = "salt of this test, long enough to be one"
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class AuthenticatedWorld:
    """A world whose API authenticates its clients."""

    world: World

    def client(
        self, *scopes: Scope, channel: str | None = None, tenant: str = TENANT, name: str = ""
    ) -> "RegisteredClient":
        """Register a client and give it a key. Without scopes it gets every scope that its access allows."""
        name, store = name or f"client-{next(_NUMBERS)}", self.world.components.store
        default_scopes = set(Scope) - (WHOLE_TENANT if channel else frozenset())
        with store.write() as tx:
            assert clients.add(tx, TenantAccess(tenant, channel), name, scopes or default_scopes, store.now())
        return RegisteredClient(self, name, tenant, self.add_key(name, tenant))

    def add_key(self, name: str, tenant: str = TENANT) -> GeneratedKey:
        """Add a key to a registered client and return it."""
        store, key = self.world.components.store, new_key()
        with store.write() as tx:
            row = clients.find(tx, tenant, name)
            assert row
            clients.add_key(tx, row, key.id, hash_key(key.text, PEPPER), store.now())
        return key

    def with_bearer(self, credential: str) -> World:
        """Return the world with an HTTP client that sends this bearer credential."""
        http = self.world.http
        headers = {"Authorization": f"Bearer {credential}"}
        transport = http._transport  # noqa: SLF001 - the same application, other headers
        hooks = http.event_hooks
        authenticated = httpx2.AsyncClient(
            transport=transport, base_url=http.base_url, timeout=60, headers=headers, event_hooks=hooks
        )
        return replace(self.world, http=authenticated)


@dataclass(frozen=True)
class RegisteredClient:
    """A client that is registered, with one of its keys."""

    registered_in: AuthenticatedWorld
    name: str
    tenant: str
    key: GeneratedKey

    @property
    def world(self) -> World:
        """The world with an HTTP client that sends this client's key."""
        return self.registered_in.with_bearer(self.key.text)

    def revoke(self) -> None:
        """Revoke the client's key."""
        store = self.registered_in.world.components.store
        with store.write() as tx:
            (key,) = [each for each in clients.keys_of(tx, self.name) if each.id == self.key.id]
            key.revoked_at = store.now()


@asynccontextmanager
async def with_authentication(
    world: World,
    tokens: TokenVerifier | None = None,
    client_per_minute: int = 600,
    unauthenticated_per_minute: int = 600,
    prices_per_minute: int = 600,
    **context: Any,
) -> AsyncIterator[AuthenticatedWorld]:
    """Serve another API on a world's store, with authentication.

    By default unauthenticated requests have the same rate limit as clients.
    """
    auth = AuthSettings(PEPPER, tokens, client_per_minute, unauthenticated_per_minute, prices_per_minute)
    async with world.with_api(auth=auth, url_policy=world.components.url_policy, **context) as authenticating:
        yield AuthenticatedWorld(authenticating)
