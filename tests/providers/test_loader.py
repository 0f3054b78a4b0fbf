"""A setting names a custom provider; the process reports what is wrong with it before it starts."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.client import Client, ScheduleActionStartWorkflow

from providers.loader import ProviderSettingError, load_provider
from providers.protocols import Inventory
from runtime.bootstrap import build_components
from runtime.reconcile_schedule import ensure_reconcile_schedule
from runtime.settings import Settings
from temporal.data_converter import DATA_CONVERTER
from temporal.names import System
from tests.support.commands import run
from workflows.reconcile import StartReconciliation

PROVIDERS = """
class Half:
    external = True
    def hold(self, tenant, key): ...
    def release(self, tenant, key): ...
    def release_references(self, tenant, references): ...
    def confirm(self, tenant, key, taken, given_up): ...
    def find(self, tenant, key): ...

class Joins(Half):
    external = False
    def hold(self, tenant, key, requests, until): ...
    def extend(self, tenant, references, until): ...
    def free(self, tenant, requests, own): ...

class Demanding(Joins):
    def __init__(self, where): ...
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"railway_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(PROVIDERS)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Missing", "cannot be imported"),
        ("Half", "hold does not take (tenant, key, requests, until); it has no extend; it has no free"),
        ("Joins", "must declare `external = True`"),
        ("Demanding", "cannot be created without arguments"),
    ],
)
def test_an_unusable_provider_is_refused_with_what_it_lacks(own_module: str, kind: str, expected: str) -> None:
    with pytest.raises(ProviderSettingError) as refusal:
        load_provider(Inventory, "SEATS", f"{own_module}:{kind}")
    assert expected in str(refusal.value)
    assert str(refusal.value).startswith(f"CHANGEOVER_SEATS={own_module}:{kind}")


def test_a_setting_is_a_module_and_a_class() -> None:
    with pytest.raises(ValidationError):
        Settings(payments="bank_payments.py")


def test_an_error_about_a_provider_contains_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANK_SECRET", "very secret")
    monkeypatch.setenv("BANK_TIMEOUT", "soon, very secret")
    with pytest.raises(ProviderSettingError) as refusal:
        build_components(
            Settings(database="sqlite:///unused.db", payments="examples.providers.bank_payments:BankPayments")
        )
    assert "lacks settings of its own: url (missing), timeout (time_delta_parsing)" in str(refusal.value)
    assert "very secret" not in str(refusal.value)


def test_the_external_systems_are_those_that_settings_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BANK_URL", "BANK_SECRET", "SHOP_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    database = f"sqlite:///{tmp_path / 'changeover.db'}"
    bank, shop = "examples.providers.bank_payments:BankPayments", "examples.providers.shop_offers:ShopOffers"
    assert build_components(Settings(database=database)).external_systems == ()
    # The shop's catalogue is read, not changed: no step runs there.
    assert build_components(Settings(database=database, offers=shop)).external_systems == ()
    assert build_components(Settings(database=database, offers=shop, payments=bank)).external_systems == (
        System.PAYMENTS,
    )


def test_a_command_reports_an_unusable_provider_in_one_line() -> None:
    done = run("api", environment={"CHANGEOVER_OFFERS": "nowhere:Shop"})
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("CHANGEOVER_OFFERS=nowhere:Shop cannot be imported")
    assert "Traceback" not in done.stderr


async def test_the_reconcile_schedule_gets_the_external_systems_and_keeps_the_interval_an_operator_set(
    temporal: str,
) -> None:
    client = await Client.connect(temporal, namespace="outside", data_converter=DATA_CONVERTER)
    schedule = client.get_schedule_handle("reconcile")
    try:
        await ensure_reconcile_schedule(client, Settings(reconcile_every=timedelta(hours=2)), ())
        await ensure_reconcile_schedule(client, Settings(reconcile_every=timedelta(hours=1)), (System.PAYMENTS,))
        found = (await schedule.describe()).schedule
        assert [each.every for each in found.spec.intervals] == [timedelta(hours=2)]
        assert isinstance(found.action, ScheduleActionStartWorkflow)
        assert await client.data_converter.decode(found.action.args, [StartReconciliation]) == [
            StartReconciliation(external_systems=(System.PAYMENTS,))
        ]
    finally:
        await schedule.delete()
