"""What a provider must guarantee, as tests: subclass a contract and give it the provider to test.

For tests only, ours and those of people who write providers: no other package of ours needs pytest.
"""

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("offers", "payments", "assertions", "seats")))

from providers.contracts.fault_proxy import FaultProxy, Trouble  # noqa: E402 - rewritten
from providers.contracts.offers import OffersContract, OffersUnderTest, OutsideOffersContract  # noqa: E402 - rewritten
from providers.contracts.payments import (  # noqa: E402 - likewise
    OutsidePaymentsContract,
    PaymentsContract,
    PaymentsUnderTest,
)
from providers.contracts.seats import OutsideSeatsContract, SeatsContract, SeatsUnderTest  # noqa: E402 - likewise

__all__ = [
    "FaultProxy",
    "OffersContract",
    "OffersUnderTest",
    "OutsideOffersContract",
    "OutsidePaymentsContract",
    "OutsideSeatsContract",
    "PaymentsContract",
    "PaymentsUnderTest",
    "SeatsContract",
    "SeatsUnderTest",
    "Trouble",
]
