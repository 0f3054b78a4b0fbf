"""The providers of examples/providers fulfil their contracts over HTTP, also while requests fail."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from activities.support.errors import REFUSED
from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT
from examples.providers.bank_payments import BankSettings
from examples.providers.railway_seats import RailwaySettings
from examples.providers.shop_offers import ShopSettings
from providers.contracts import (
    ExternalOffersContract,
    ExternalPaymentsContract,
    ExternalSeatsContract,
    OffersUnderTest,
    PaymentsUnderTest,
    SeatsUnderTest,
    Trouble,
)
from providers.errors import ProviderError, ProviderUnavailableError
from tests.support.external_systems import SECRET, external_offers, external_payments, external_seats


@pytest.fixture(scope="module")
def seats() -> Iterator[SeatsUnderTest]:
    with external_seats() as under_test:
        yield under_test


@pytest.fixture(scope="module")
def payments() -> Iterator[PaymentsUnderTest]:
    with external_payments() as under_test:
        yield under_test


@pytest.fixture(scope="module", params=["standard", "nova_zurichcard24"])
def offers(request: pytest.FixtureRequest) -> Iterator[OffersUnderTest]:
    with external_offers(product=request.param) as under_test:
        yield under_test


class TestRailwaySeats(ExternalSeatsContract):
    pass


class TestBankPayments(ExternalPaymentsContract):
    pass


class TestShopOffers(ExternalOffersContract):
    pass


def test_call_timeouts_are_shorter_than_an_attempt_at_a_step() -> None:
    """A step limits each attempt; a contract and an example provider must time out earlier."""
    assert SeatsUnderTest.call_timeout < EXTERNAL_ATTEMPT
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
