"""SQLModel rows only, without queries. Every row carries its tenant."""

from store.tables.access import ApiKeyRow, ClientRow
from store.tables.catalogue import ProductRow, SeatHoldRow, SeatRow, ServiceRow, StockHoldRow, SupplementRow
from store.tables.changes import ChangeRow, EventRow, StepRecordRow
from store.tables.money import EmbeddedPaymentRow, LedgerRow, MoveRow, PaymentRow
from store.tables.offers import BundleRow, OfferRow
from store.tables.orders import (
    CounterRow,
    FeeRow,
    LineRow,
    OrderRow,
    PriceGroupRow,
    ReservationRow,
    TravellerRow,
)
from store.tables.provider_events import DisputeRow, ProviderEventRow
from store.tables.webhooks import DeliveryRow, WebhookRow

__all__ = [
    "ApiKeyRow",
    "BundleRow",
    "ChangeRow",
    "ClientRow",
    "CounterRow",
    "DeliveryRow",
    "DisputeRow",
    "EmbeddedPaymentRow",
    "EventRow",
    "FeeRow",
    "LedgerRow",
    "LineRow",
    "MoveRow",
    "OfferRow",
    "OrderRow",
    "PaymentRow",
    "PriceGroupRow",
    "ProductRow",
    "ProviderEventRow",
    "ReservationRow",
    "SeatHoldRow",
    "SeatRow",
    "ServiceRow",
    "StepRecordRow",
    "StockHoldRow",
    "SupplementRow",
    "TravellerRow",
    "WebhookRow",
]
