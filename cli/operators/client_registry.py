"""What `client` does with machine clients and their keys."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.table import Table

from api.auth.api_keys import hash_key, new_key
from cli.exit_codes import Code
from cli.http_clients.responses import Json
from cli.operators.output import Output
from domain.access import Scope, TenantAccess, is_client
from runtime.settings import Settings
from store import clients
from store.database.store import Store
from store.tables import ApiKeyRow, ClientRow
from telemetry import audit_log


def create(speaker: Output, name: str, scopes: Sequence[Scope], channel: str | None, *, keyed: bool) -> None:
    """Register a client and tell its first key, if it is to have one."""
    settings = Settings()
    if not is_client(name):
        _refuse(speaker, "NAME_INVALID", "A name is 1 to 64 letters, digits, dots, hyphens and underscores.")
    if keyed:
        _needs_pepper(settings, speaker)
    with _store(settings) as store:
        _register(speaker, store, settings, name, scopes, channel)
        if keyed:
            _tell_new_key(store, settings, speaker, name)
            return
    speaker.answer({"client": name}, f"{name} is registered; it comes with tokens that name it.")


def _register(
    speaker: Output, store: Store, settings: Settings, name: str, scopes: Sequence[Scope], channel: str | None
) -> None:
    try:
        with store.write() as tx:
            added = clients.add(tx, TenantAccess(settings.tenant, channel), name, scopes, store.now())
    except clients.NotOfAChannelError:
        _refuse(speaker, "SCOPE_NEEDS_WHOLE_TENANT", "administer concerns all channels: leave --channel out.")
    if not added:
        _refuse(speaker, "CLIENT_EXISTS", f"There is a client {name} already, or was.")
    audit_log.record("create client", audit_log.at_the_terminal(), client=name)


def rotate(speaker: Output, name: str) -> None:
    """Give a client another key."""
    settings = Settings()
    _needs_pepper(settings, speaker)
    with _store(settings) as store:
        _tell_new_key(store, settings, speaker, name)


def revoke(speaker: Output, name: str, key: str | None) -> None:
    """Revoke a client with its keys, or one of them."""
    settings = Settings()
    with _store(settings) as store, store.write() as tx:
        client = clients.find(tx, settings.tenant, name)
        found = [each for each in clients.keys_of(tx, name) if key in (None, each.id)] if client else []
        if client is None or (key and not found):
            _refuse(speaker, "CLIENT_NOT_FOUND", f"There is no client {name}{f' with a key {key}' if key else ''}.")
        if key is None:
            client.revoked_at = client.revoked_at or store.now()
        for row in found:
            row.revoked_at = row.revoked_at or store.now()
    audit_log.record("revoke key" if key else "revoke client", audit_log.at_the_terminal(), client=name)
    said = f"key {key} of {name}" if key else f"{name} and its keys"
    speaker.answer({"client": name, "revoked": [each.id for each in found]}, f"Revoked: {said}.")


def show(speaker: Output) -> None:
    """List clients with their keys."""
    settings = Settings()
    with _store(settings) as store, store.read() as tx:
        found = clients.of_tenant(tx, settings.tenant)
        speaker.answer({"clients": [_document(*each) for each in found]}, _table(found))


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    store = Store(settings.database)
    try:
        yield store
    finally:
        store.close()


def _tell_new_key(store: Store, settings: Settings, speaker: Output, name: str) -> None:
    fresh = new_key()
    with store.write() as tx:
        client = clients.find(tx, settings.tenant, name)
        if client is None or client.revoked_at:
            _refuse(speaker, "CLIENT_NOT_FOUND", f"There is no client {name}.")
        try:
            kept = hash_key(fresh.text, settings.key_pepper.get_secret_value())
            clients.add_key(tx, client, fresh.id, kept, store.now())
        except clients.TooManyKeysError:
            _refuse(speaker, "TOO_MANY_KEYS", f"{name} has two keys already: revoke one with --key.")
    audit_log.record("make key", audit_log.at_the_terminal(), client=name)
    speaker.answer({"client": name, "key": fresh.id, "secret": fresh.text}, fresh.text)
    speaker.hint(f"This is the key of {name}, told once: only its hash is kept. Send it as Authorization: Bearer.")


def _needs_pepper(settings: Settings, speaker: Output) -> None:
    if not settings.key_pepper:
        _refuse(speaker, "NO_PEPPER", "Set CHANGEOVER_KEY_PEPPER first, as for the API (docs/authentication.md).")


def _refuse(speaker: Output, code: str, title: str) -> NoReturn:
    speaker.failure({"code": code, "title": title})
    raise typer.Exit(Code.NO)


def _document(client: ClientRow, keys: Sequence[ApiKeyRow]) -> Json:
    return client.model_dump(mode="json", exclude={"scopes"}) | {
        "scopes": _scopes(client),
        "keys": [each.model_dump(mode="json", exclude={"digest", "tenant", "client"}) for each in keys],
    }


def _scopes(client: ClientRow) -> list[str]:
    found: list[str] = json.loads(client.scopes)
    return found


def _table(found: Sequence[tuple[ClientRow, Sequence[ApiKeyRow]]]) -> Table:
    table = Table("client", "channel", "may", "keys")
    for client, keys in found:
        said = [_said(each) for each in keys if each.revoked_at is None] or ["none"]
        name = f"{client.id}{' (revoked)' if client.revoked_at else ''}"
        table.add_row(name, client.channel or "all", ", ".join(_scopes(client)), "\n".join(said))
    return table


def _said(key: ApiKeyRow) -> str:
    used = f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
    return f"{key.id}, {used}"
