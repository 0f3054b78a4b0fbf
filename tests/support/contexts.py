"""What steps work with, for tests that run steps without a worker."""

from typing import Any

from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldLimits
from activities.support.step_context import StepContext
from domain.dual_control import DualControlPolicy
from providers.embedded.inventory import EmbeddedInventory
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import EmbeddedPayments
from store.database.store import Store


def step_context(store: Store, **components: Any) -> StepContext:
    """Return a context of embedded providers and usual limits, except for the components given."""
    usual: dict[str, Any] = {
        "deadlines": Deadlines(),
        "hold_limits": HoldLimits(),
        "dual_control": DualControlPolicy(),
        "inventory": EmbeddedInventory(store),
        "offers": EmbeddedOffers(store),
        "payments": EmbeddedPayments(store),
    }
    return StepContext(store=store, **usual | components)
