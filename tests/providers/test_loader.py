"""A provider of one's own is named in a setting; what is wrong with it is said before anything is sold."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError
from temporalio.client import Client, ScheduleActionStartWorkflow

import worker
from providers.loader import ProviderSettingError, load_provider
from providers.protocols import SeatInventory
from runtime.bootstrap import build_components
from runtime.settings import Settings
from temporal.data_converter import DATA_CONVERTER
from temporal.names import System
from tests.support.commands import run
from workflows.reconcile import StartReconciliation

HALF = """
class Half:
    external = True
    def hold(self, tenant, key): ...
    def release(self, tenant, key): ...
    def release_references(self, tenant, references): ...
    def confirm(self, tenant, key, taken, given_up): ...

class Joins(Half):
    external = False
    def hold(self, tenant, key, requests, until): ...
    def extend(self, tenant, references, until): ...

class Demanding(Joins):
    def __init__(self, where): ...
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"railway_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(HALF)
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Missing", "cannot be imported"),
        ("Half", "hold does not take (tenant, key, requests, until); it has no extend"),
        ("Joins", "must say `external = True`"),
        ("Demanding", "cannot be made without arguments"),
    ],
)
def test_a_provider_that_cannot_be_used_is_refused_with_what_it_lacks(own_module: str, kind: str, said: str) -> None:
    with pytest.raises(ProviderSettingError) as heard:
        load_provider(SeatInventory, "SEATS", f"{own_module}:{kind}")
    assert said in str(heard.value)
    assert str(heard.value).startswith(f"CHANGEOVER_SEATS={own_module}:{kind}")


def test_a_setting_is_a_module_and_a_class() -> None:
    with pytest.raises(ValidationError):
        Settings(payments="bank_payments.py")


def test_what_a_provider_lacks_is_said_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANK_SECRET", "very secret")
    monkeypatch.setenv("BANK_TIMEOUT", "soon, very secret")
    with pytest.raises(ProviderSettingError) as heard:
        build_components(
            Settings(database="sqlite:///unused.db", payments="examples.providers.bank_payments:BankPayments")
        )
    assert "lacks settings of its own: url (missing), timeout (time_delta_parsing)" in str(heard.value)
    assert "very secret" not in str(heard.value)


def test_who_is_outside_follows_from_who_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BANK_URL", "BANK_SECRET", "SHOP_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    database = f"sqlite:///{tmp_path / 'book.db'}"
    bank, shop = "examples.providers.bank_payments:BankPayments", "examples.providers.shop_offers:ShopOffers"
    assert build_components(Settings(database=database)).external_systems == ()
    assert build_components(Settings(database=database, offers=shop, payments=bank)).external_systems == (
        System.OFFERS,
        System.PAYMENTS,
    )


def test_a_command_says_it_in_one_line() -> None:
    done = run("api", environment={"CHANGEOVER_OFFERS": "nowhere:Shop"})
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("CHANGEOVER_OFFERS=nowhere:Shop cannot be imported")
    assert "Traceback" not in done.stderr


async def test_the_rounds_learn_who_is_outside_and_keep_the_time_an_operator_gave_them(temporal: str) -> None:
    client = await Client.connect(temporal, namespace="outside", data_converter=DATA_CONVERTER)
    schedule = client.get_schedule_handle("reconcile")
    try:
        await worker.keep_reconciling(client, Settings(reconcile_every=timedelta(hours=2)), ())
        await worker.keep_reconciling(client, Settings(reconcile_every=timedelta(hours=1)), (System.PAYMENTS,))
        found = (await schedule.describe()).schedule
        assert [each.every for each in found.spec.intervals] == [timedelta(hours=2)]
        assert isinstance(found.action, ScheduleActionStartWorkflow)
        assert await client.data_converter.decode(found.action.args, [StartReconciliation]) == [
            StartReconciliation(external_systems=(System.PAYMENTS,))
        ]
    finally:
        await schedule.delete()
