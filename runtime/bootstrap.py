"""Dependency wiring: builds the store, the providers and the activities of an installation from its settings."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from activities.attention import AttentionActivities
from activities.done_by_hand import DoneByHandActivities
from activities.drafts import DraftActivities
from activities.order_lines import OrderLineActivities
from activities.outcomes import OutcomeActivities
from activities.payments import PaymentActivities
from activities.payouts import PayoutActivities
from activities.plans import PlanActivities
from activities.quotes import QuoteActivities
from activities.reconciliation import ReconciliationActivities
from activities.recovery import RecoveryActivities
from activities.seats import SeatActivities
from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldLimits
from activities.support.planning_context import ContextLoader
from activities.support.step_executor import StepExecutor
from activities.travellers import TravellerActivities
from activities.webhook_deliveries import DeliveryActivities
from domain.dual_control import DualControlPolicy
from providers.embedded.inventory import EmbeddedInventory
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import EmbeddedPayments
from providers.loader import load_provider
from providers.protocols import Inventory, OfferCatalogue, PaymentProvider
from providers.url_policy import UrlPolicy
from providers.webhook_sender import WebhookSender
from runtime.settings import Settings
from store.database.store import Store
from temporal.names import System


@dataclass(frozen=True)
class Components:
    """The components of an installation: its store, its providers and the limits that its activities apply."""

    store: Store
    inventory: Inventory
    offers: OfferCatalogue
    payments: PaymentProvider
    deadlines: Deadlines
    url_policy: UrlPolicy
    hold_limits: HoldLimits
    dual_control: DualControlPolicy = field(default_factory=DualControlPolicy)

    @property
    def external_systems(self) -> tuple[System, ...]:
        """The external systems: providers outside our database, whose steps run on task queues of their own."""
        external = {
            System.SEATS: self.inventory.external,
            System.OFFERS: self.offers.external,
            System.PAYMENTS: self.payments.external,
        }
        return tuple(system for system, is_external in external.items() if is_external)


def build_components(settings: Settings) -> Components:
    """Return the components for these settings: the providers they name, or else the embedded ones.

    Raises ProviderSettingError for a provider that cannot be loaded.
    """
    store = Store(settings.database)
    return Components(
        store=store,
        inventory=load_provider(Inventory, "SEATS", settings.seats) or EmbeddedInventory(store),
        offers=load_provider(OfferCatalogue, "OFFERS", settings.offers) or EmbeddedOffers(store, settings.offer_life),
        payments=load_provider(PaymentProvider, "PAYMENTS", settings.payments) or EmbeddedPayments(store),
        deadlines=Deadlines(draft=settings.draft_life, margin=settings.hold_margin),
        url_policy=UrlPolicy(settings.webhooks_allow_private),
        dual_control=DualControlPolicy(settings.authentication_enabled, settings.single_person_limits),
        hold_limits=HoldLimits(settings.seats_held_per_order, settings.seats_held_per_client),
    )


def build_activities(components: Components) -> list[Callable[..., Any]]:
    """Return every activity except those for webhooks, bound to its components."""
    executor = StepExecutor(components.store)
    loader = ContextLoader(components.store, components.offers)
    plans = PlanActivities(executor, loader, components.deadlines)
    travellers = TravellerActivities(executor, loader)
    quotes = QuoteActivities(executor, loader)
    seats = SeatActivities(executor, components.inventory, components.deadlines, components.hold_limits)
    lines = OrderLineActivities(executor, components.deadlines)
    payments = PaymentActivities(executor, components.payments, components.deadlines)
    payouts = PayoutActivities(executor, components.dual_control)
    drafts = DraftActivities(executor)
    outcomes = OutcomeActivities(executor)
    recovery = RecoveryActivities(executor)
    attention = AttentionActivities(executor)
    done_by_hand = DoneByHandActivities(executor, components.dual_control)
    reconciliation = ReconciliationActivities(components.store)
    return [
        plans.plan_change,
        travellers.validate_travellers,
        quotes.quote_change,
        seats.reserve_seats,
        seats.release_seats,
        seats.extend_holds,
        seats.confirm_seats,
        seats.release_replaced_seats,
        lines.swap_offer_bundle,
        lines.restore_offer_bundle,
        payments.authorise_payment,
        payments.void_payment,
        payments.settle_price_difference,
        payouts.record_payout,
        drafts.confirm_order,
        drafts.close_draft,
        outcomes.record_outcome,
        recovery.find_unfinished_work,
        attention.record_attention,
        done_by_hand.check_done_by_hand,
        reconciliation.find_orphaned_orders,
        reconciliation.check_invariants,
    ]


def build_webhook_activities(components: Components) -> list[Callable[..., Any]]:
    """Return the activities that run on the task queue for webhooks."""
    return [DeliveryActivities(components.store, WebhookSender(components.url_policy)).deliver_next_event]
