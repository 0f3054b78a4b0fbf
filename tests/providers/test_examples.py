"""The providers of examples/providers keep the contracts, over HTTP, with trouble in between."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from activities.support.errors import REFUSED
from activities.support.step_kinds import EXTERNAL_ATTEMPT, LOCAL_ATTEMPT
from examples.providers.bank_payments import BankSettings
from examples.providers.railway_seats import RailwaySettings
from examples.providers.shop_offers import ShopSettings
from providers.contracts import (
    OffersUnderTest,
    OutsideOffersContract,
    OutsidePaymentsContract,
    OutsideSeatsContract,
    PaymentsUnderTest,
    SeatsUnderTest,
    Trouble,
)
from providers.errors import ProviderError, ProviderUnavailableError
from tests.support.external_systems import SECRET, external_offers, external_payments, external_seats


@pytest.fixture(scope="module")
def seats() -> Iterator[SeatsUnderTest]:
    with external_seats() as given:
        yield given


@pytest.fixture(scope="module")
def payments() -> Iterator[PaymentsUnderTest]:
    with external_payments() as given:
        yield given


@pytest.fixture(scope="module", params=["standard", "nova_zurichcard24"])
def offers(request: pytest.FixtureRequest) -> Iterator[OffersUnderTest]:
    with external_offers(product=request.param) as given:
        yield given


class TestRailwaySeats(OutsideSeatsContract):
    pass


class TestBankPayments(OutsidePaymentsContract):
    pass


class TestShopOffers(OutsideOffersContract):
    pass


def test_contracts_are_as_patient_as_steps() -> None:
    """The layers above know how long an attempt may take; a provider must be quicker by itself."""
    assert SeatsUnderTest.patience < EXTERNAL_ATTEMPT
    assert PaymentsUnderTest.patience < EXTERNAL_ATTEMPT
    assert OffersUnderTest.patience < LOCAL_ATTEMPT
    assert 2 * BankSettings(url="", secret=SECRET).timeout < EXTERNAL_ATTEMPT
    assert 2 * RailwaySettings(url="", secret=SECRET).timeout < EXTERNAL_ATTEMPT
    assert 2 * ShopSettings(url="").timeout < LOCAL_ATTEMPT


def test_a_contract_takes_for_a_fault_what_a_step_takes_for_one() -> None:
    assert set(REFUSED) == set(ProviderError.__subclasses__()) - {ProviderUnavailableError}


def test_a_shop_is_asked_once_while_its_catalogue_is_fresh() -> None:
    with external_offers(fresh=timedelta(minutes=1)) as offers:
        assert offers.search()
        assert offers.trouble
        with offers.trouble(Trouble.DOWN):
            assert offers.search()
