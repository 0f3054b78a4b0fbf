"""What a provider must guarantee, as tests: subclass a contract and give it the provider to test.

For tests only, ours and those of people who write providers: no other package of ours needs pytest.
"""

import pytest

_REWRITTEN = ("assertions", "inventory", "offers", "payments")
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _REWRITTEN))

from providers.contracts.fault_proxy import FaultProxy, Trouble  # noqa: E402 - rewritten
from providers.contracts.inventory import ExternalInventoryContract, InventoryContract, InventoryUnderTest  # noqa: E402 - likewise
from providers.contracts.offers import ExternalOffersContract, OffersContract, OffersUnderTest  # noqa: E402 - rewritten
from providers.contracts.payments import (  # noqa: E402 - likewise
    ExternalPaymentsContract,
    PaymentsContract,
    PaymentsUnderTest,
)

__all__ = [
    "ExternalInventoryContract",
    "ExternalOffersContract",
    "ExternalPaymentsContract",
    "FaultProxy",
    "InventoryContract",
    "InventoryUnderTest",
    "OffersContract",
    "OffersUnderTest",
    "PaymentsContract",
    "PaymentsUnderTest",
    "Trouble",
]
