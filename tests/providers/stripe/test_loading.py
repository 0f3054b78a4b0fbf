"""Stripe is an extra: it is loaded by a setting, and nothing else needs its SDK."""

import json
import subprocess
import sys

import pytest

from providers.loader import ProviderSettingError, load_provider
from providers.protocols import PaymentProvider
from providers.stripe import StripePayments
from tests.support.commands import ROOT

NAMED = "providers.stripe:StripePayments"
WITHOUT_SDK = """
import sys
sys.modules["stripe"] = None
import worker, api.app, runtime.bootstrap
from providers.loader import ProviderSettingError, load_provider
from providers.protocols import PaymentProvider
try:
    load_provider(PaymentProvider, "PAYMENTS", "providers.stripe:StripePayments")
except ProviderSettingError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "API_KEYS", "TIMEOUT", "URL", "LOG"):
        monkeypatch.delenv(f"STRIPE_{name}", raising=False)


@pytest.mark.parametrize("keys", [("API_KEY", "sk_test_1"), ("API_KEYS", json.dumps({"a": "sk_test_1"}))])
def test_it_is_loaded_by_its_settings(monkeypatch: pytest.MonkeyPatch, keys: tuple[str, str]) -> None:
    monkeypatch.setenv(f"STRIPE_{keys[0]}", keys[1])
    loaded = load_provider(PaymentProvider, "PAYMENTS", NAMED)
    assert isinstance(loaded, StripePayments)
    loaded.close()


@pytest.mark.parametrize(
    "settings",
    [{}, {"API_KEY": "sk_test_1", "TIMEOUT": "PT16S"}, {"API_KEY": "sk_test_1", "LOG": "debug"}],
    ids=["no key", "longer than a step", "a log of answers"],
)
def test_wrong_settings_are_refused_without_their_values(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"STRIPE_{name}", value)
    with pytest.raises(ProviderSettingError) as refused:
        load_provider(PaymentProvider, "PAYMENTS", NAMED)
    assert "sk_test" not in str(refused.value)


def test_without_the_extra_all_else_runs_and_the_setting_says_what_is_missing() -> None:
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", WITHOUT_SDK], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"CHANGEOVER_PAYMENTS={NAMED}" in done.stdout
    assert "the extra `stripe`" in done.stdout
