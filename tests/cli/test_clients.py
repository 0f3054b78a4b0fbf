"""Clients at the command line: they are created, listed, rotated and revoked; a key is shown once."""

import json
import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.auth.api_keys import key_id, verify
from cli import __main__ as main
from cli.__main__ import app
from runtime.settings import Settings
from store import clients
from store.database.store import Store
from tests.support.auth import PEPPER

Type = Callable[[str], Result]


@pytest.fixture
def type_(prepared_database: str, monkeypatch: pytest.MonkeyPatch) -> Type:
    monkeypatch.setattr(main, "configure", lambda _format: None)
    environment = {
        "CHANGEOVER_DATABASE": prepared_database,
        "CHANGEOVER_KEY_PEPPER": PEPPER,
        "COLUMNS": "120",
    }
    return lambda line: CliRunner(env=environment).invoke(app, ["client", *line.split()])


def read_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_key_is_shown_once_and_only_its_hash_is_kept(type_: Type, prepared_database: str) -> None:
    key = type_("create kiosk --scope read --scope change --channel WAY:Kiosk").stdout.strip()
    store = Store(prepared_database)
    with store.read() as tx:
        (row,) = clients.keys_of(tx, "kiosk")
    store.close()
    assert (row.id, verify(key, PEPPER, row.digest)) == (key_id(key), True)
    assert not verify(key, PEPPER.upper(), row.digest)
    assert key not in type_("list").stdout + type_("list --json").stdout
    (listed,) = read_json(type_("list --json"))["clients"]
    assert (listed["id"], listed["channel"], listed["scopes"]) == ("kiosk", "WAY:Kiosk", ["change", "read"])
    assert [each["id"] for each in listed["keys"]] == [row.id]


def test_there_are_two_keys_at_most_and_one_may_be_revoked_alone(type_: Type) -> None:
    first = read_json(type_("create kiosk --scope read --json"))
    second = read_json(type_("rotate kiosk --json"))
    refused = type_("rotate kiosk --json")
    assert (refused.exit_code, json.loads(refused.stdout)["code"]) == (1, "TOO_MANY_KEYS")
    assert read_json(type_(f"revoke kiosk --key {first['key']} --json"))["revoked"] == [first["key"]]
    third = read_json(type_("rotate kiosk --json"))
    assert sorted(read_json(type_("revoke kiosk --json"))["revoked"]) == sorted(
        [first["key"], second["key"], third["key"]]
    )
    gone = type_("rotate kiosk --json")
    assert (gone.exit_code, json.loads(gone.stdout)["code"]) == (1, "CLIENT_NOT_FOUND")
    assert "kiosk (revoked)" in type_("list").stdout


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("create kiosk --scope read", "CLIENT_EXISTS"),
        ("create -- --nobody", "USAGE"),
        ("create k/iosk --scope read", "NAME_INVALID"),
        ("create other --scope administer --channel WAY:App", "SCOPE_NEEDS_WHOLE_TENANT"),
        ("rotate nobody", "CLIENT_NOT_FOUND"),
        ("revoke nobody", "CLIENT_NOT_FOUND"),
        ("revoke kiosk --key 0000000000", "CLIENT_NOT_FOUND"),
    ],
)
def test_an_impossible_request_is_refused_with_a_code(type_: Type, line: str, code: str) -> None:
    type_("create kiosk --scope read")
    refused = type_(line)
    assert refused.exit_code == (2 if code == "USAGE" else 1)
    assert code == "USAGE" or f"({code})" in refused.stderr


def test_without_a_pepper_a_client_can_only_use_tokens(prepared_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "configure", lambda _format: None)
    bare = CliRunner(env={"CHANGEOVER_DATABASE": prepared_database, "CHANGEOVER_KEY_PEPPER": ""})
    refused = bare.invoke(app, ["client", "create", "kiosk", "--scope", "read"])
    assert (refused.exit_code, "NO_PEPPER" in refused.stderr) == (1, True)
    assert bare.invoke(app, ["client", "create", "kiosk", "--scope", "read", "--token"]).exit_code == 0


def test_a_short_pepper_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 characters") as error:
        Settings(key_pepper="short and secret")
    assert "short and secret" not in str(error.value)


def test_the_audit_log_names_the_operating_system_user_who_creates_and_revokes_clients(
    type_: Type, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    for line in ("create kiosk --scope read", "rotate kiosk", "revoke kiosk --key 0000000000", "revoke kiosk"):
        type_(line)
    records = [each.__dict__ for each in caplog.records if each.name == "telemetry.audit_log"]
    assert [each["action"] for each in records] == ["create client", "make key", "make key", "revoke client"]
    assert {(each["actor"], each["client"]) for each in records} == {(pwd.getpwuid(os.getuid()).pw_name, "kiosk")}
