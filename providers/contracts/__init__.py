"""What a provider must guarantee, as tests: subclass a contract and give it the provider to test.

For tests only, ours and those of people who write providers: no other package of ours needs pytest.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("offers", "payments", "assertions", "seats")))

from providers.contracts.fault_proxy import FaultProxy, Trouble  # noqa: E402 - rewritten
from providers.contracts.offers import ExternalOffersContract, OffersContract, OffersUnderTest  # noqa: E402 - rewritten
from providers.contracts.payments import (  # noqa: E402 - likewise
    ExternalPaymentsContract,
    PaymentsContract,
    PaymentsUnderTest,
)
from providers.contracts.seats import ExternalSeatsContract, SeatsContract, SeatsUnderTest  # noqa: E402 - likewise

__all__ = [
    "ExternalOffersContract",
    "ExternalPaymentsContract",
    "ExternalSeatsContract",
    "FaultProxy",
    "OffersContract",
    "OffersUnderTest",
    "PaymentsContract",
    "PaymentsUnderTest",
    "SeatsContract",
    "SeatsUnderTest",
    "Trouble",
]
