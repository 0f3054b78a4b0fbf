"""The adapter of Stripe, behind a proxy that injects faults, in front of our emulator of Stripe."""

from collections.abc import Iterator

import pytest

from providers.contracts import FaultProxy, PaymentsUnderTest
from tests.providers.stripe.merchant import Merchant
from tests.stripe.control_client import Emulator


@pytest.fixture(scope="session")
def proxy(emulator_process: Emulator) -> Iterator[FaultProxy]:
    with FaultProxy(emulator_process.url) as proxy:
        yield proxy


@pytest.fixture
def merchant(emulator: Emulator) -> Iterator[Merchant]:
    """A merchant whose adapter calls the emulator directly."""
    with Merchant(emulator) as merchant:
        yield merchant


@pytest.fixture(params=["NOK"])
def payments(request: pytest.FixtureRequest, emulator: Emulator, proxy: FaultProxy) -> Iterator[PaymentsUnderTest]:
    """The adapter for the contract, in a currency."""
    with Merchant(emulator, proxy.url) as merchant:
        yield merchant.under_test(request.param, proxy)
