"""The real parts of an installation: settings to store, providers and activities."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from activities.attention import AttentionActivities
from activities.done_by_hand import ByHandActivities
from activities.drafts import DraftActivities
from activities.order_lines import OrderLineActivities
from activities.outcomes import OutcomeActivities
from activities.payments import PaymentActivities
from activities.plans import PlanActivities
from activities.quotes import QuoteActivities
from activities.reconciliation import StrayActivities
from activities.recovery import RecoveryActivities
from activities.seats import SeatActivities
from activities.support.deadlines import Deadlines
from activities.support.hold_limits import HoldCaps
from activities.support.planning_context import Looks
from activities.support.step_executor import Once
from activities.travellers import TravellerActivities
from activities.webhook_deliveries import DeliveryActivities
from domain.dual_control import Alone
from providers.embedded.offers import EmbeddedOffers
from providers.embedded.payments import EmbeddedPayments
from providers.embedded.seats import EmbeddedSeats
from providers.loader import connected
from providers.protocols import OfferCatalogue, PaymentProvider, SeatInventory
from providers.url_policy import Endpoints
from providers.webhook_sender import Poster
from runtime.settings import Settings
from store.database.store import Store
from temporal.names import System


@dataclass(frozen=True)
class Parts:
    """What an installation is made of."""

    store: Store
    seats: SeatInventory
    offers: OfferCatalogue
    payments: PaymentProvider
    deadlines: Deadlines
    endpoints: Endpoints
    caps: HoldCaps
    alone: Alone = field(default_factory=Alone)

    @property
    def outside(self) -> tuple[System, ...]:
        """Providers that leave our database: their steps run on their own task queues."""
        lives = {
            System.SEATS: self.seats.outside,
            System.OFFERS: self.offers.outside,
            System.PAYMENTS: self.payments.outside,
        }
        return tuple(place for place, outside in lives.items() if outside)


def made_of(settings: Settings) -> Parts:
    """Return the real parts for these settings: the providers they name, or embedded ones on the one database.

    Raises ProviderSettingError for a provider that cannot be had.
    """
    store = Store(settings.database)
    return Parts(
        store=store,
        seats=connected(SeatInventory, "SEATS", settings.seats) or EmbeddedSeats(store),
        offers=connected(OfferCatalogue, "OFFERS", settings.offers) or EmbeddedOffers(store, settings.offer_life),
        payments=connected(PaymentProvider, "PAYMENTS", settings.payments) or EmbeddedPayments(store),
        deadlines=Deadlines(draft=settings.draft_life, margin=settings.hold_margin),
        endpoints=Endpoints(settings.webhooks_allow_private),
        alone=Alone(settings.asks_who, settings.alone_up_to),
        caps=HoldCaps(settings.seats_held_per_order, settings.seats_held_per_client),
    )


def activities(made: Parts) -> list[Callable[..., Any]]:
    """Return every activity, bound to its parts."""
    once = Once(made.store)
    looks = Looks(made.store, made.offers)
    plans = PlanActivities(once, looks, made.deadlines)
    travellers = TravellerActivities(once, looks)
    quotes = QuoteActivities(once, looks)
    seats = SeatActivities(once, made.seats, made.deadlines, made.caps)
    lines = OrderLineActivities(once, made.deadlines)
    payments = PaymentActivities(once, made.payments, made.deadlines)
    drafts = DraftActivities(once)
    outcomes = OutcomeActivities(once)
    recovery = RecoveryActivities(once)
    attention = AttentionActivities(once)
    by_hand = ByHandActivities(once, made.alone)
    strays = StrayActivities(made.store)
    return [
        plans.plan_change,
        travellers.validate_travellers,
        quotes.quote_change,
        seats.reserve_seats,
        seats.release_seats,
        seats.extend_holds,
        seats.confirm_seats,
        seats.give_back_seats,
        lines.swap_offer_bundle,
        lines.restore_offer_bundle,
        payments.authorise_payment,
        payments.void_payment,
        payments.settle_price_difference,
        drafts.confirm_order,
        drafts.close_draft,
        outcomes.record_outcome,
        recovery.look_back,
        attention.note_attention,
        by_hand.take_by_hand,
        strays.find_strays,
        strays.check_books,
    ]


def webhook_activities(made: Parts) -> list[Callable[..., Any]]:
    """Return the activities that run on the webhooks' own queue."""
    return [DeliveryActivities(made.store, Poster(made.endpoints)).deliver_next]
