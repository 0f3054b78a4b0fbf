"""The API key of the bench: as in production the API authenticates every request and counts it."""

import secrets

from api.auth.api_keys import hash_key, new_key
from domain.access import Scope, TenantAccess
from runtime.settings import Settings
from store import clients
from store.database.store import Store

_PEPPER = secrets.token_hex(32)
_PLENTY = str(10**9)
API_SETTINGS = {
    "CHANGEOVER_KEY_PEPPER": _PEPPER,
    "CHANGEOVER_CLIENT_PER_MINUTE": _PLENTY,
    "CHANGEOVER_PRICES_PER_MINUTE": _PLENTY,
    "CHANGEOVER_SEATS_HELD_PER_CLIENT": _PLENTY,
    "CHANGEOVER_CHANGES_PER_HOUR": _PLENTY,
}
"""Settings of an API that accepts the bench's key, with limits that it never reaches."""


def key_for(database: str) -> str:
    """Register the bench as a client with every scope; return its key."""
    store, key = Store(database), new_key()
    with store.write() as tx:
        access = TenantAccess(Settings().tenant)
        clients.add(tx, access, "bench", tuple(Scope), store.now())
        client = clients.find(tx, access.tenant, "bench")
        if client is None:
            raise LookupError("another tenant has a client named bench")
        clients.add_key(tx, client, key.id, hash_key(key.text, _PEPPER), store.now())
    store.close()
    return key.text
