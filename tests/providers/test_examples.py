"""The providers of examples/providers fulfil their contracts over HTTP, also while requests fail."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from activities.support.errors import REFUSED
from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT
from examples.fake_systems.server import serving, stocked
from examples.providers.bank_payments import BankSettings
from examples.providers.railway_inventory import RailwaySettings
from examples.providers.shop_offers import ShopOffers, ShopSettings
from providers.contracts import (
    ExternalInventoryContract,
    ExternalOffersContract,
    ExternalPaymentsContract,
    InventoryUnderTest,
    OffersUnderTest,
    PaymentsUnderTest,
    Trouble,
)
from providers.errors import ProviderError, ProviderUnavailableError
from tests.support.external_systems import SECRET, external_inventory, external_offers, external_payments


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


class TestRailwayInventory(ExternalInventoryContract):
    pass


class TestBankPayments(ExternalPaymentsContract):
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
    assert 2 * ShopSettings(url="").timeout < LOCAL_ATTEMPT


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
    first, second = [each for each in systems.catalogue["services"] if each["railway_line"] == "north"][:2]
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
    systems.catalogue["products"][0][member] = {"tax_rate": "1.2"}.get(member, {"minor": 0, "currency": "NOK"})
    with (
        serving(systems) as address,
        closing(ShopOffers(ShopSettings(url=address))) as shop,
        pytest.raises(ProviderUnavailableError),
    ):
        shop.products("default", ["standard"])
