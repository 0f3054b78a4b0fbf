"""Webhooks on the native wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from domain.model import Flag, Model
from domain.webhooks import DisabledReason, Failure
from providers.webhook_sender import SendResult
from store.orders.events import EventType
from store.tables import DeliveryRow, WebhookRow
from store.webhooks.webhooks import types_of


def _printable(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or " " in text:
        raise ValueError("must be written in visible ASCII characters")
    return text


Url = Annotated[str, Field(strict=True, min_length=1, max_length=2000), AfterValidator(_printable)]
Types = Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))]


class WebhookIn(Model):
    """Where to post what happens to orders."""

    url: Url = Field(
        description="https://, port 443 or one from 1024. Every address of its host must be public; the same is "
        "looked at again before every post."
    )
    types: Types | None = Field(default=None, description="Which events to post; null for all there are and will be.")

    model_config = {
        "json_schema_extra": {
            "examples": [{"url": "https://shop.example/orders?shop=77", "types": ["order_confirmed", "draft_expired"]}]
        }
    }


class WebhookPatchIn(Model):
    """What to change; what is not named stays."""

    url: Url | SkipJsonSchema[None] = None
    types: Types | None = Field(default=None, description="null for all.")
    enabled: Flag | SkipJsonSchema[None] = Field(
        default=None, description="true also has everything that waits tried at once; false keeps what waits."
    )

    model_config = {"json_schema_extra": {"examples": [{"enabled": True}], "minProperties": 1}}

    @model_validator(mode="after")
    def _named(self) -> "WebhookPatchIn":
        if not self.model_fields_set:
            raise ValueError("must name something to change")
        if any(name in self.model_fields_set and getattr(self, name) is None for name in ("url", "enabled")):
            raise ValueError("url and enabled cannot be null")
        return self


class WebhookOut(BaseModel):
    """A webhook, and how it does."""

    id: str
    url: str
    types: list[EventType] | None = Field(description="Which events are posted; null for all.")
    enabled: bool
    disabled_reason: DisabledReason | None = Field(
        description="GONE: it answered 410. GAVE_UP: an event was not taken for five days. BY_REQUEST."
    )
    created_at: datetime
    failing_since: datetime | None = Field(description="Since when nothing was taken; null when the last event was.")
    last_failure: Failure | None
    last_status: int | None = Field(description="What was answered then.")
    last_success_at: datetime | None
    pending: int = Field(description="Events that it has still to get. Those of a disabled one wait for 30 days.")
    previous_secret_until: datetime | None = Field(description="How long the former secret signs along.")


class WebhookSecretOut(WebhookOut):
    """A webhook with its secret, which is told under the Idempotency-Key that made it and never again."""

    secret: str | None = Field(
        description="As Standard Webhooks writes it; null when it was rotated since.", examples=["whsec_c2VjcmV0"]
    )


class WebhooksOut(BaseModel):
    """Every webhook, oldest first."""

    webhooks: list[WebhookOut]


class TestOut(BaseModel):
    """How a test went."""

    delivered: bool
    status: int | None = Field(description="What was answered, if anything was.")
    failure: Failure | None


class DeliveryOut(BaseModel):
    """One event on its way to one webhook."""

    webhook_id: str = Field(description="The webhook-id header of every attempt.", examples=["evt_26-100001_7"])
    order: str
    number: int
    type: EventType
    created_at: datetime
    delivered_at: datetime | None
    attempts: int = Field(description="How many have failed.")
    last_attempt_at: datetime | None
    last_failure: Failure | None
    last_status: int | None


class DeliveriesOut(BaseModel):
    """The events a webhook was told or is owed, at most 100: those that fail, then the latest."""

    deliveries: list[DeliveryOut]


def webhook_out(row: WebhookRow, waiting: int, now: datetime) -> WebhookOut:
    """Return a webhook as it goes over the wire."""
    return WebhookOut.model_validate(_shown(row, waiting, now))


def secret_out(row: WebhookRow, waiting: int, now: datetime, key: str) -> WebhookSecretOut:
    """Return a webhook with the secret that was made under a key, if it still has it."""
    secret = row.secret if row.secret_idempotency_key == key else None
    return WebhookSecretOut.model_validate(_shown(row, waiting, now) | {"secret": secret})


def _shown(row: WebhookRow, waiting: int, now: datetime) -> dict[str, Any]:
    both = row.previous_secret_until if row.previous_secret_until and row.previous_secret_until > now else None
    return row.model_dump() | {"types": types_of(row), "pending": waiting, "previous_secret_until": both}


def test_out(answered: SendResult) -> TestOut:
    """Return how a test went."""
    return TestOut(delivered=answered.failure is None, status=answered.status, failure=answered.failure)


def delivery_out(row: DeliveryRow, webhook_id: str) -> DeliveryOut:
    """Return a delivery as it goes over the wire."""
    return DeliveryOut.model_validate(row.model_dump() | {"order": row.order_number, "webhook_id": webhook_id})
