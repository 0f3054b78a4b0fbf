"""Request and response models of webhooks in the native API."""

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
        raise ValueError("must consist of visible ASCII characters")
    return text


Url = Annotated[str, Field(strict=True, min_length=1, max_length=2000), AfterValidator(_printable)]
Types = Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))]


class WebhookIn(Model):
    """A subscription of a URL to events of orders."""

    url: Url = Field(
        description="An https URL with port 443 or a port from 1024. Every address of its host must be public; this is "
        "checked again before every post."
    )
    types: Types | None = Field(
        default=None, description="The types of events to post; null for all types, including future ones."
    )

    model_config = {
        "json_schema_extra": {
            "examples": [{"url": "https://shop.example/orders?shop=77", "types": ["order_confirmed", "draft_expired"]}]
        }
    }


class WebhookPatchIn(Model):
    """The members to change; others stay as they are."""

    url: Url | SkipJsonSchema[None] = None
    types: Types | None = Field(default=None, description="null for all types.")
    enabled: Flag | SkipJsonSchema[None] = Field(
        default=None, description="true also retries pending events at once; false keeps them."
    )

    model_config = {"json_schema_extra": {"examples": [{"enabled": True}], "minProperties": 1}}

    @model_validator(mode="after")
    def _check_members(self) -> "WebhookPatchIn":
        if not self.model_fields_set:
            raise ValueError("must contain a member to change")
        if any(name in self.model_fields_set and getattr(self, name) is None for name in ("url", "enabled")):
            raise ValueError("url and enabled cannot be null")
        return self


class WebhookOut(BaseModel):
    """A webhook with its delivery state."""

    id: str
    url: str
    types: list[EventType] | None = Field(description="The types of events that are posted; null for all types.")
    enabled: bool
    disabled_reason: DisabledReason | None = Field(
        description="GONE: the receiver answered 410. GAVE_UP: an event could not be delivered for five days. "
        "BY_REQUEST: a client disabled it."
    )
    created_at: datetime
    failing_since: datetime | None = Field(
        description="The time since which every delivery failed; null if the last one succeeded."
    )
    last_failure: Failure | None
    last_status: int | None = Field(description="The HTTP status of the last failure, if the receiver answered.")
    last_success_at: datetime | None
    pending: int = Field(description="The number of pending events. A disabled webhook keeps them for 30 days.")
    previous_secret_until: datetime | None = Field(
        description="Until when posts are signed with the previous secret too."
    )


class WebhookSecretOut(WebhookOut):
    """A webhook with its secret, which is returned only under the Idempotency-Key that created it."""

    secret: str | None = Field(
        description="In the format of Standard Webhooks; null if it has been rotated since.",
        examples=["whsec_c2VjcmV0"],
    )


class WebhooksOut(BaseModel):
    """Every webhook, oldest first."""

    webhooks: list[WebhookOut]


class TestOut(BaseModel):
    """The result of a test."""

    delivered: bool
    status: int | None = Field(description="The HTTP status of the receiver, if it answered.")
    failure: Failure | None


class DeliveryOut(BaseModel):
    """The delivery of one event to one webhook."""

    webhook_id: str = Field(description="The webhook-id header of every attempt.", examples=["evt_26-100001_7"])
    order: str
    number: int
    type: EventType
    created_at: datetime
    delivered_at: datetime | None
    attempts: int = Field(description="The number of failed attempts.")
    last_attempt_at: datetime | None
    last_failure: Failure | None
    last_status: int | None


class DeliveriesOut(BaseModel):
    """The deliveries of a webhook, at most 100: failing ones first, then the latest."""

    deliveries: list[DeliveryOut]


def webhook_out(row: WebhookRow, pending: int, now: datetime) -> WebhookOut:
    """Convert a webhook."""
    return WebhookOut.model_validate(_members(row, pending, now))


def secret_out(row: WebhookRow, pending: int, now: datetime, key: str) -> WebhookSecretOut:
    """Convert a webhook with its secret, if the key created the present secret."""
    secret = row.secret if row.secret_idempotency_key == key else None
    return WebhookSecretOut.model_validate(_members(row, pending, now) | {"secret": secret})


def _members(row: WebhookRow, pending: int, now: datetime) -> dict[str, Any]:
    valid_until = row.previous_secret_until if row.previous_secret_until and row.previous_secret_until > now else None
    return row.model_dump() | {"types": types_of(row), "pending": pending, "previous_secret_until": valid_until}


def test_out(result: SendResult) -> TestOut:
    """Convert the result of a test."""
    return TestOut(delivered=result.failure is None, status=result.status, failure=result.failure)


def delivery_out(row: DeliveryRow, webhook_id: str) -> DeliveryOut:
    """Convert a delivery."""
    return DeliveryOut.model_validate(row.model_dump() | {"order": row.order_number, "webhook_id": webhook_id})
