"""What a provider must guarantee, as tests: subclass a contract and give it the provider to test.

For tests only, ours and those of people who write providers: no other package of ours needs pytest.
"""

import pytest

_REWRITTEN = (
    "assertions",
    "events",
    "external_inventory",
    "external_payments",
    "holds_book",
    "inventory",
    "inventory_under_test",
    "movements",
    "offers",
    "payments",
    "payments_under_test",
)
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _REWRITTEN))

from providers.contracts.events import Delivery, EventsContract, EventsUnderTest, Happened  # noqa: E402 - rewritten
from providers.contracts.external_inventory import ExternalInventoryContract  # noqa: E402 - rewritten
from providers.contracts.external_payments import ExternalPaymentsContract  # noqa: E402 - likewise
from providers.contracts.fault_proxy import FalseAnswer, FaultProxy, Trouble  # noqa: E402 - likewise
from providers.contracts.holds_book import HoldsBookContract  # noqa: E402 - likewise
from providers.contracts.inventory import InventoryContract  # noqa: E402 - likewise
from providers.contracts.inventory_under_test import InventoryUnderTest  # noqa: E402 - likewise
from providers.contracts.movements import MovementsContract  # noqa: E402 - rewritten
from providers.contracts.offers import ExternalOffersContract, OffersContract, OffersUnderTest  # noqa: E402 - rewritten
from providers.contracts.payments import PaymentsContract  # noqa: E402 - likewise
from providers.contracts.payments_under_test import PaymentsUnderTest  # noqa: E402 - rewritten

__all__ = [
    "Delivery",
    "EventsContract",
    "EventsUnderTest",
    "ExternalInventoryContract",
    "ExternalOffersContract",
    "ExternalPaymentsContract",
    "FalseAnswer",
    "FaultProxy",
    "Happened",
    "HoldsBookContract",
    "InventoryContract",
    "InventoryUnderTest",
    "MovementsContract",
    "OffersContract",
    "OffersUnderTest",
    "PaymentsContract",
    "PaymentsUnderTest",
    "Trouble",
]
