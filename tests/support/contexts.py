"""What steps work with, for tests that run steps without a worker."""

from typing import Any

from activities.support.step_context import StepContext
from providers.embedded.inventory import EmbeddedInventory
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import EmbeddedPayments
from store.database.store import Store


def step_context(store: Store, **components: Any) -> StepContext:
    """Return a context of embedded providers, except for the components given."""
    embedded: dict[str, Any] = {
        "inventory": EmbeddedInventory(store),
        "offers": EmbeddedOffers(store),
        "payments": EmbeddedPayments(store),
    }
    return StepContext(store=store, **embedded | components)
