"""`doctor` asks external providers itself, and reads which of them failed the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import doctor
from cli.doctor.findings import Finding, Verdict
from cli.doctor.target import Target
from examples.fake_systems.server import FakeSystems, serving, stocked
from examples.fake_systems.shop_server import ShopTrouble
from runtime.settings import Settings

OFFERS, SEATS = "examples.providers.shop_offers:ShopOffers", "examples.providers.railway_inventory:RailwayInventory"


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSystems]:
    """The fake systems, whose address the example providers read from the environment."""
    systems = stocked()
    with serving(systems) as address:
        for name in ("SHOP_URL", "RAILWAY_URL"):
            monkeypatch.setenv(name, address)
        monkeypatch.setenv("RAILWAY_SECRET", "pretend")
        yield systems


def examine(**settings: str) -> list[Finding]:
    target = Target(Settings.model_validate(settings), Path("/no-such-folder"), None)
    return list(doctor.providers.examine(target))


def verdicts(**settings: str) -> list[Verdict]:
    return [each.verdict for each in examine(**settings)]


def test_providers_that_answer_are_well(systems: FakeSystems) -> None:
    assert systems.shop.trouble is None
    assert verdicts(offers=OFFERS, seats=SEATS) == [Verdict.OK, Verdict.OK]
    assert verdicts() == []


@pytest.mark.parametrize("trouble", [ShopTrouble.SLOW, ShopTrouble.ERROR, ShopTrouble.PAGE, ShopTrouble.WRONG_VALUES])
def test_a_catalogue_without_a_usable_answer_is_bad_and_named(systems: FakeSystems, trouble: ShopTrouble) -> None:
    systems.shop.trouble = trouble
    (found,) = examine(offers=OFFERS, lookup_timeout="PT1S")
    systems.shop.trouble = None
    assert found.verdict is Verdict.BAD
    assert "the offer catalogue gives no usable answer" in found.what
    assert found.fix == "docs/operations.md#a-provider-does-not-answer"


def test_a_provider_that_is_gone_or_cannot_be_loaded_is_bad(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(stocked()) as address:
        pass
    for name in ("SHOP_URL", "RAILWAY_URL"):
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("RAILWAY_SECRET", "pretend")
    assert verdicts(offers=OFFERS, seats=SEATS) == [Verdict.BAD, Verdict.BAD]
    (found,) = examine(offers="nowhere:Shop")
    assert (found.verdict, found.fix) == (Verdict.BAD, "correct the setting")
