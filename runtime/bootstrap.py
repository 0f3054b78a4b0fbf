"""Dependency wiring: builds the store, the providers and the activities of an installation from its settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from activities.attention import AttentionActivities
from activities.done_by_hand import DoneByHandActivities
from activities.groups import group_activities
from activities.pending_refunds import PendingRefundActivities
from activities.provider_event_rounds import ProviderEventActivities
from activities.reconciliation import ReconciliationActivities
from activities.request_formats import RequestFormatActivities
from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldLimits
from activities.support.registry import step_activities
from activities.support.step_context import StepContext
from activities.support.step_executor import StepExecutor
from activities.webhook_deliveries import DeliveryActivities
from domain.dual_control import DualControlPolicy
from providers.bounded_calls import BoundedCalls
from providers.bounded_providers import BoundedInventory, BoundedOffers
from providers.embedded.inventory import EmbeddedInventory
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import EmbeddedPayments
from providers.loader import load_provider
from providers.protocols import CountsFreePlaces, Inventory, OfferCatalogue, PaymentProvider
from providers.url_policy import UrlPolicy
from providers.webhook_sender import WebhookSender
from runtime.settings import Settings
from store.database.store import Store


@dataclass(frozen=True, kw_only=True)
class Components(StepContext):
    """The components of an installation: what its steps work with, and the policy for the URLs of webhooks."""

    url_policy: UrlPolicy


def build_components(settings: Settings) -> Components:
    """Return the components for these settings: the providers they name, or else the embedded ones.

    Raises ProviderSettingError for a provider that cannot be loaded.
    """
    store = Store(settings.database)
    return Components(
        store=store,
        inventory=load_provider(Inventory, "SEATS", settings.seats) or EmbeddedInventory(store),
        offers=_build_offers(store, settings),
        payments=load_provider(PaymentProvider, "PAYMENTS", settings.payments) or EmbeddedPayments(store),
        deadlines=Deadlines(draft=settings.draft_life, margin=settings.hold_margin),
        url_policy=UrlPolicy(settings.webhooks_allow_private),
        dual_control=DualControlPolicy(settings.authentication_enabled, settings.single_person_limits),
        hold_limits=HoldLimits(settings.seats_held_per_order, settings.seats_held_per_client),
    )


def _build_offers(store: Store, settings: Settings) -> OfferCatalogue:
    external = load_provider(OfferCatalogue, "OFFERS", settings.offers)
    if external is None:
        return EmbeddedOffers(store, settings.offer_life)
    return BoundedOffers(external, _bounded("offers", store, settings))


def bounded_inventory(components: Components, settings: Settings) -> CountsFreePlaces:
    """Return the inventory as the API asks it what is free; steps work with the inventory itself."""
    inventory = components.inventory
    if not inventory.external:
        return inventory
    return BoundedInventory(inventory, _bounded("seats", components.store, settings))


def _bounded(provider: str, store: Store, settings: Settings) -> BoundedCalls:
    return BoundedCalls(
        provider, settings.lookup_timeout, settings.lookups_at_once, in_transaction=lambda: store.in_transaction
    )


def build_activities(components: Components) -> list[Callable[..., Any]]:
    """Return every activity except those for webhooks, bound to its components."""
    reconciliation = ReconciliationActivities(components.store, components.inventory, components.payments)
    return [
        *step_activities(StepExecutor(components)),
        *group_activities(components),
        AttentionActivities(components).record_attention,
        DoneByHandActivities(components).check_done_by_hand,
        RequestFormatActivities(components).check_format,
        reconciliation.find_orphaned_orders,
        reconciliation.check_invariants,
        PendingRefundActivities(components).check_pending_refunds,
        ProviderEventActivities(components.store).submit_provider_events,
    ]


def build_webhook_activities(components: Components) -> list[Callable[..., Any]]:
    """Return the activities that run on the task queue for webhooks."""
    return [DeliveryActivities(components.store, WebhookSender(components.url_policy)).deliver_next_event]
