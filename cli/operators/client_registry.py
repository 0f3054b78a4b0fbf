"""The implementation of `client`: machine clients and their keys in the database."""

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


def create(output: Output, name: str, scopes: Sequence[Scope], channel: str | None, *, keyed: bool) -> None:
    """Register a client, and create and print its first key if `keyed`."""
    settings = Settings()
    if not is_client(name):
        _refuse(output, "NAME_INVALID", "A name is 1 to 64 letters, digits, dots, hyphens and underscores.")
    if keyed:
        _require_pepper(settings, output)
    with _store(settings) as store:
        _register(output, store, settings, name, scopes, channel)
        if keyed:
            _create_key(store, settings, output, name)
            return
    output.answer({"client": name}, f"{name} is registered; it authenticates with access tokens that name it.")


def _register(
    output: Output, store: Store, settings: Settings, name: str, scopes: Sequence[Scope], channel: str | None
) -> None:
    try:
        with store.write() as tx:
            added = clients.add(tx, TenantAccess(settings.tenant, channel), name, scopes, store.now())
    except clients.NotOfAChannelError:
        _refuse(output, "SCOPE_NEEDS_WHOLE_TENANT", "The scope administer covers all channels: leave --channel out.")
    if not added:
        _refuse(output, "CLIENT_EXISTS", f"A client {name} exists already, or existed before.")
    audit_log.record("create client", audit_log.terminal_user(), client=name)


def rotate(output: Output, name: str) -> None:
    """Create another key for a client."""
    settings = Settings()
    _require_pepper(settings, output)
    with _store(settings) as store:
        _create_key(store, settings, output, name)


def revoke(output: Output, name: str, key: str | None) -> None:
    """Revoke a client with all its keys, or only one key."""
    settings = Settings()
    with _store(settings) as store, store.write() as tx:
        client = clients.find(tx, settings.tenant, name)
        keys = [each for each in clients.keys_of(tx, name) if key in (None, each.id)] if client else []
        if client is None or (key and not keys):
            _refuse(output, "CLIENT_NOT_FOUND", f"There is no client {name}{f' with a key {key}' if key else ''}.")
        if key is None:
            client.revoked_at = client.revoked_at or store.now()
        for row in keys:
            row.revoked_at = row.revoked_at or store.now()
    audit_log.record("revoke key" if key else "revoke client", audit_log.terminal_user(), client=name)
    revoked = f"key {key} of {name}" if key else f"{name} and its keys"
    output.answer({"client": name, "revoked": [each.id for each in keys]}, f"Revoked: {revoked}.")


def show(output: Output) -> None:
    """List clients with their keys."""
    settings = Settings()
    with _store(settings) as store, store.read() as tx:
        listed = clients.of_tenant(tx, settings.tenant)
        output.answer({"clients": [_document(*each) for each in listed]}, _table(listed))


@contextmanager
def _store(settings: Settings) -> Iterator[Store]:
    store = Store(settings.database)
    try:
        yield store
    finally:
        store.close()


def _create_key(store: Store, settings: Settings, output: Output, name: str) -> None:
    key = new_key()
    with store.write() as tx:
        client = clients.find(tx, settings.tenant, name)
        if client is None or client.revoked_at:
            _refuse(output, "CLIENT_NOT_FOUND", f"There is no client {name}.")
        try:
            digest = hash_key(key.text, settings.key_pepper.get_secret_value())
            clients.add_key(tx, client, key.id, digest, store.now())
        except clients.TooManyKeysError:
            _refuse(output, "TOO_MANY_KEYS", f"{name} has two keys already: revoke one with --key.")
    audit_log.record("make key", audit_log.terminal_user(), client=name)
    output.answer({"client": name, "key": key.id, "secret": key.text}, key.text)
    output.hint(
        f"This is the key of {name}. It is shown only once: only its hash is kept. Send it as Authorization: Bearer."
    )


def _require_pepper(settings: Settings, output: Output) -> None:
    if not settings.key_pepper:
        _refuse(output, "NO_PEPPER", "Set CHANGEOVER_KEY_PEPPER first, as for the API (docs/authentication.md).")


def _refuse(output: Output, code: str, title: str) -> NoReturn:
    output.failure({"code": code, "title": title})
    raise typer.Exit(Code.NO)


def _document(client: ClientRow, keys: Sequence[ApiKeyRow]) -> Json:
    return client.model_dump(mode="json", exclude={"scopes"}) | {
        "scopes": _scopes(client),
        "keys": [each.model_dump(mode="json", exclude={"digest", "tenant", "client"}) for each in keys],
    }


def _scopes(client: ClientRow) -> list[str]:
    scopes: list[str] = json.loads(client.scopes)
    return scopes


def _table(listed: Sequence[tuple[ClientRow, Sequence[ApiKeyRow]]]) -> Table:
    table = Table("client", "channel", "scopes", "keys")
    for client, keys in listed:
        valid = [_describe_key(each) for each in keys if each.revoked_at is None] or ["none"]
        name = f"{client.id}{' (revoked)' if client.revoked_at else ''}"
        table.add_row(name, client.channel or "all", ", ".join(_scopes(client)), "\n".join(valid))
    return table


def _describe_key(key: ApiKeyRow) -> str:
    used = f"last used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
    return f"{key.id}, {used}"
