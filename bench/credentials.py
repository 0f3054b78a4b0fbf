"""The bench's one client: what is measured asks who calls, as in production, and counts its requests."""

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
"""Settings of an API that lets the bench in by a key, as often as it likes."""


def key_for(database: str) -> str:
    """Register the bench as a client that may do everything; return its key."""
    store, key = Store(database), new_key()
    with store.write() as tx:
        reach = TenantAccess(Settings().tenant)
        clients.add(tx, reach, "bench", tuple(Scope), store.now())
        client = clients.find(tx, reach.tenant, "bench")
        if client is None:
            raise LookupError("another tenant has a client called bench")
        clients.add_key(tx, client, key.id, hash_key(key.text, _PEPPER), store.now())
    store.close()
    return key.text
