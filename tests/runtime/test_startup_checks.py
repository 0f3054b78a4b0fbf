"""The API accepts requests from other machines only with authentication, and production starts only when it is safe."""

import pytest
from temporalio.client import Client
from temporalio.service import RetryConfig

from runtime.settings import Settings
from runtime.startup_checks import UnsafeConfigurationError, check_configuration, check_temporal_server
from telemetry.loopback import HOST, free_port
from tests.support.auth import PEPPER
from tests.support.commands import run

ANYWHERE = "0.0.0.0"  # noqa: S104 - the subject of these tests
ISSUER = {"token_issuer": "https://issuer.example", "token_keys": "https://issuer.example/keys"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_loopback_the_api_may_run_without_authentication(host: str) -> None:
    check_configuration(Settings(api_host=host))


@pytest.mark.parametrize("host", [ANYWHERE, "::", "10.0.0.7", "changeover.example"])
def test_on_other_addresses_the_api_needs_authentication(host: str) -> None:
    with pytest.raises(UnsafeConfigurationError, match="unauthenticated requests"):
        check_configuration(Settings(api_host=host))
    check_configuration(Settings(api_host=host, key_pepper=PEPPER))
    check_configuration(Settings.model_validate({"api_host": host, **ISSUER}))


def test_in_production_nothing_meant_for_development_starts() -> None:
    good = {"production": True, "key_pepper": PEPPER, "database": "postgresql://changeover@db/changeover"}
    check_configuration(Settings.model_validate(good))
    for unsafe in ({"key_pepper": ""}, {"database": "sqlite:///changeover.db"}, {"webhooks_allow_private": True}):
        with pytest.raises(UnsafeConfigurationError, match="Not started"):
            check_configuration(Settings.model_validate(good | unsafe))


async def test_in_production_temporals_development_server_is_refused(temporal: str) -> None:
    client = await Client.connect(temporal, lazy=True)
    with pytest.raises(UnsafeConfigurationError, match="development server"):
        await check_temporal_server(client)


async def test_a_temporal_server_that_does_not_report_its_store_is_accepted() -> None:
    nowhere = await Client.connect(f"{HOST}:{free_port()}", lazy=True, retry_config=RetryConfig(max_retries=0))
    await check_temporal_server(nowhere)


def test_on_other_addresses_webhooks_cannot_reach_private_networks() -> None:
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
def test_token_settings_that_accept_forged_tokens_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="token_"):
        Settings.model_validate(wrong)


def test_an_unsafe_process_says_why_and_does_not_start() -> None:
    ended = run("api", environment={"CHANGEOVER_API_HOST": ANYWHERE, "CHANGEOVER_DATABASE": "sqlite:///unused.db"})
    assert ended.returncode == 1
    assert "CHANGEOVER_KEY_PEPPER" in ended.stderr
    assert "Traceback" not in ended.stderr
