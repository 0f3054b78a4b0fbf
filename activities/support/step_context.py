"""What steps work with: the store, the providers and the limits of an installation."""

from dataclasses import dataclass
from functools import cached_property

from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldLimits
from activities.support.planning_context import ContextLoader
from domain.dual_control import DualControlPolicy
from providers.protocols import Inventory, OfferCatalogue, PaymentProvider
from store.database.store import Store
from temporal.names import System


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """The store, the providers and the limits that an installation's steps work with."""

    store: Store
    inventory: Inventory
    offers: OfferCatalogue
    payments: PaymentProvider
    deadlines: Deadlines
    hold_limits: HoldLimits
    dual_control: DualControlPolicy

    @property
    def external_systems(self) -> tuple[System, ...]:
        """The external systems: providers outside our database that steps change, each on a task queue of its own."""
        external = {
            System.SEATS: self.inventory.external,
            System.PAYMENTS: self.payments.external,
        }
        return tuple(system for system, is_external in external.items() if is_external)

    @cached_property
    def planning(self) -> ContextLoader:
        """Loads order, request and catalogue for the steps that plan and price."""
        return ContextLoader(self.store, self.offers)
