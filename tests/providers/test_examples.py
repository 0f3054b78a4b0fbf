"""The providers of examples/providers fulfil their contracts over HTTP, also while requests fail."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.support.errors import REFUSED
from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT
from examples.fake_systems.bank import Bank
from examples.fake_systems.railway import Railway
from examples.fake_systems.server import serving, stocked
from examples.fake_systems.shop_server import ShopTrouble
from examples.providers.bank_payments import BankSettings
from examples.providers.railway_inventory import RailwaySettings
from examples.providers.shop_offers import ShopOffers, ShopSettings
from providers.contracts import (
    ExternalInventoryContract,
    ExternalOffersContract,
    ExternalPaymentsContract,
    HoldsBookContract,
    InventoryUnderTest,
    MovementsContract,
    OffersUnderTest,
    PaymentsUnderTest,
    Trouble,
)
from providers.contracts.inventory_under_test import KINDS
from providers.errors import ProviderError, ProviderUnavailableError
from runtime.settings import Settings
from telemetry.stopwatch import Stopwatch
from tests.support.external_systems import SECRET, SHORT_TIMEOUT, external_inventory, external_offers, external_payments


@pytest.fixture(scope="module")
def inventory() -> Iterator[InventoryUnderTest]:
    with external_inventory() as under_test:
        yield under_test


@pytest.fixture(scope="module")
def payments() -> Iterator[PaymentsUnderTest]:
    with external_payments() as under_test:
        yield under_test


@pytest.fixture(scope="module", params=["standard", "nova_zurichcard24"])
def offers(request: pytest.FixtureRequest) -> Iterator[OffersUnderTest]:
    with external_offers(product=request.param) as under_test:
        yield under_test


class TestRailwayInventory(ExternalInventoryContract, HoldsBookContract):
    pass


@pytest.mark.parametrize("kind", KINDS)
def test_a_railway_that_holds_for_less_time_says_until_when(kind: str) -> None:
    with external_inventory(Railway(longest=timedelta(minutes=10))) as inventory:
        ExternalInventoryContract().test_a_hold_lasts_until_the_time_that_is_answered(inventory, kind)


def test_a_bank_that_ends_authorisations_says_when() -> None:
    with external_payments(Bank(life=timedelta(days=7))) as payments:
        assert payments.authorise("ends").expires_at is not None
        ExternalPaymentsContract().test_an_authorisation_that_ends_by_itself_says_when(payments)


class TestBankPayments(ExternalPaymentsContract, MovementsContract):
    pass


class TestShopOffers(ExternalOffersContract):
    pass


def test_call_timeouts_are_shorter_than_an_attempt_at_a_step() -> None:
    """A step limits each attempt; a contract and an example provider must time out earlier."""
    assert InventoryUnderTest.call_timeout < EXTERNAL_ATTEMPT
    assert PaymentsUnderTest.call_timeout < EXTERNAL_ATTEMPT
    assert OffersUnderTest.call_timeout < LOCAL_ATTEMPT
    assert 2 * BankSettings(url="", secret=SECRET).timeout < EXTERNAL_ATTEMPT
    assert 2 * RailwaySettings(url="", secret=SECRET).timeout < EXTERNAL_ATTEMPT
    assert 2 * ShopSettings(url="").timeout <= Settings().lookup_timeout < LOCAL_ATTEMPT


def test_a_contract_and_a_step_agree_on_what_is_a_fault() -> None:
    assert set(REFUSED) == set(ProviderError.__subclasses__()) - {ProviderUnavailableError}


def test_the_shop_is_not_called_while_its_catalogue_is_fresh() -> None:
    with external_offers(fresh=timedelta(minutes=1)) as offers:
        assert offers.search()
        assert offers.trouble
        with offers.trouble(Trouble.DOWN):
            assert offers.search()


def test_the_shop_offers_no_cancelled_service_but_the_next_one_of_that_day() -> None:
    systems = stocked()
    first, second = [each for each in systems.shop.catalogue["services"] if each["railway_line"] == "north"][:2]
    first["cancelled"] = True
    leaves = datetime.fromisoformat(first["departs_at"])
    with serving(systems) as address, closing(ShopOffers(ShopSettings(url=address))) as shop:
        under_test = OffersUnderTest(shop, "standard", second["id"], now=leaves - timedelta(days=1))
        assert shop.services("default", [first["id"]])[first["id"]].cancelled
        assert under_test.search(service=first["id"]) == []
        (that_day,) = under_test.search(service=None)
        assert that_day.service == second["id"]


@pytest.mark.parametrize("member", ["change_fee", "tax_rate"])
def test_a_shop_whose_catalogue_has_faults_is_unavailable(member: str) -> None:
    systems = stocked()
    systems.shop.catalogue["products"][0][member] = {"tax_rate": "1.2"}.get(member, {"minor": 0, "currency": "NOK"})
    with (
        serving(systems) as address,
        closing(ShopOffers(ShopSettings(url=address))) as shop,
        pytest.raises(ProviderUnavailableError),
    ):
        shop.products("default", ["standard"])


def test_a_catalogue_that_is_too_large_is_not_read_to_its_end() -> None:
    systems = stocked()
    settings: dict[str, Any] = {"fresh": timedelta(0), "timeout": SHORT_TIMEOUT}
    with serving(systems) as address, closing(ShopOffers(ShopSettings(url=address, **settings))) as shop:
        assert shop.products("default", ["standard"])
    size = len(json.dumps(systems.shop.catalogue))
    with (
        serving(systems) as address,
        closing(ShopOffers(ShopSettings(url=address, max_bytes=size // 2, **settings))) as shop,
        pytest.raises(ProviderUnavailableError, match="too large"),
    ):
        shop.products("default", ["standard"])


def test_callers_that_wait_for_one_request_share_its_failure() -> None:
    """Otherwise each of them would wait for the shop, one after the other."""
    systems = stocked()
    systems.shop.trouble = ShopTrouble.SLOW
    with (
        serving(systems) as address,
        closing(ShopOffers(ShopSettings(url=address, timeout=timedelta(seconds=1)))) as shop,
        ThreadPoolExecutor(6) as pool,
    ):
        stopwatch = Stopwatch()
        waiting = [pool.submit(shop.products, "default", ["standard"]) for _ in range(6)]
        assert {type(each.exception()) for each in waiting} == {ProviderUnavailableError}
        assert stopwatch.seconds < 4
        systems.shop.trouble = None
        assert shop.products("default", ["standard"])
