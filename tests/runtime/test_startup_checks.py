"""The API answers other machines only when it asks who they are."""

import pytest
from temporalio.client import Client
from temporalio.service import RetryConfig

from runtime.settings import Settings
from runtime.startup_checks import UnsafeConfigurationError, check_configuration, check_temporal_server
from telemetry.loopback import HOST, free_port
from tests.support.auth import PEPPER
from tests.support.commands import run

ANYWHERE = "0.0.0.0"  # noqa: S104 - what is asked here
ISSUER = {"token_issuer": "https://issuer.example", "token_keys": "https://issuer.example/keys"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_it_may_ask_nobody(host: str) -> None:
    check_configuration(Settings(api_host=host))


@pytest.mark.parametrize("host", [ANYWHERE, "::", "10.0.0.7", "changeover.example"])
def test_elsewhere_it_must_ask(host: str) -> None:
    with pytest.raises(UnsafeConfigurationError, match="answer anybody"):
        check_configuration(Settings(api_host=host))
    check_configuration(Settings(api_host=host, key_pepper=PEPPER))
    check_configuration(Settings.model_validate({"api_host": host, **ISSUER}))


def test_in_production_nothing_meant_for_development_starts() -> None:
    good = {"production": True, "key_pepper": PEPPER, "database": "postgresql://changeover@db/changeover"}
    check_configuration(Settings.model_validate(good))
    for more in ({"key_pepper": ""}, {"database": "sqlite:///changeover.db"}, {"webhooks_allow_private": True}):
        with pytest.raises(UnsafeConfigurationError, match="Not started"):
            check_configuration(Settings.model_validate(good | more))


async def test_in_production_a_server_for_development_is_refused(temporal: str) -> None:
    client = await Client.connect(temporal, lazy=True)
    with pytest.raises(UnsafeConfigurationError, match="for development"):
        await check_temporal_server(client)


async def test_a_temporal_that_does_not_say_what_it_is_is_no_reason_to_refuse() -> None:
    nowhere = await Client.connect(f"{HOST}:{free_port()}", lazy=True, retry_config=RetryConfig(max_retries=0))
    await check_temporal_server(nowhere)


def test_elsewhere_nobody_can_have_us_call_our_own_network() -> None:
    with pytest.raises(UnsafeConfigurationError, match="ALLOW_PRIVATE"):
        check_configuration(Settings(api_host=ANYWHERE, key_pepper=PEPPER, webhooks_allow_private=True))


@pytest.mark.parametrize(
    "wrong",
    [
        {"token_issuer": "https://issuer.example"},
        {**ISSUER, "token_keys": "http://issuer.example/keys"},
        {**ISSUER, "token_keys": "file:///etc/keys"},
        {**ISSUER, "token_algorithms": ["HS256"]},
        {**ISSUER, "token_algorithms": ["none"]},
    ],
    ids=["no keys", "keys in the clear", "keys in a file", "a shared secret", "no signature"],
)
def test_settings_that_let_anybody_in_are_no_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="token_"):
        Settings.model_validate(wrong)


def test_a_process_without_a_guard_says_why_and_does_not_start() -> None:
    ended = run("api", environment={"CHANGEOVER_API_HOST": ANYWHERE, "CHANGEOVER_DATABASE": "sqlite:///unused.db"})
    assert ended.returncode == 1
    assert "CHANGEOVER_KEY_PEPPER" in ended.stderr
    assert "Traceback" not in ended.stderr
