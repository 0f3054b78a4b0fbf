"""Clients of the emulator of Stripe."""

from collections.abc import Iterator

import httpx2
import pytest
import stripe

from tests.stripe.control_client import API_KEY, Emulator


@pytest.fixture
def sdk(emulator: Emulator) -> stripe.StripeClient:
    """The official SDK, connected to the emulator."""
    http_client = stripe.RequestsClient(timeout=10)
    return stripe.StripeClient(
        API_KEY, base_addresses={"api": emulator.url}, http_client=http_client, max_network_retries=0
    )


@pytest.fixture(scope="session")
def connection(emulator_process: Emulator) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    with httpx2.Client(base_url=f"{emulator_process.url}/v1", headers=headers) as client:
        yield client


@pytest.fixture
def raw(connection: httpx2.Client, emulator_process: Emulator) -> httpx2.Client:
    """Plain HTTP with the API key as a bearer token, to an emulator that begins anew."""
    emulator_process.reset()
    return connection
