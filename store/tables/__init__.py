"""SQLModel rows, nothing else. Every row carries its tenant."""

from store.tables.access import ApiKeyRow, ClientRow
from store.tables.catalogue import ProductRow, SeatHoldRow, SeatRow, ServiceRow, SupplementRow
from store.tables.changes import ChangeRow, EffectRow, EventRow
from store.tables.money import BankRow, LedgerRow, PaymentRow
from store.tables.offers import BundleRow, OfferRow
from store.tables.orders import CounterRow, FeeRow, LineRow, OrderRow, ReservationRow, TravellerRow
from store.tables.webhooks import DeliveryRow, WebhookRow

__all__ = [
    "ApiKeyRow",
    "BankRow",
    "BundleRow",
    "ChangeRow",
    "ClientRow",
    "CounterRow",
    "DeliveryRow",
    "EffectRow",
    "EventRow",
    "FeeRow",
    "LedgerRow",
    "LineRow",
    "OfferRow",
    "OrderRow",
    "PaymentRow",
    "ProductRow",
    "ReservationRow",
    "SeatHoldRow",
    "SeatRow",
    "ServiceRow",
    "SupplementRow",
    "TravellerRow",
    "WebhookRow",
]
