"""Delivers events to webhooks, one at a time, and records the result of each attempt.

An endpoint that rejects an event is a result of the activity: Temporal retries only faults on our side.
"""

import asyncio
import json
from datetime import timedelta
from typing import NamedTuple

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from domain.webhooks import DisabledReason, Failure, body_of, message_id, pause_after
from providers.webhook_sender import Message, SendResult, WebhookSender
from store.database.store import Store
from store.orders import events
from store.tables import DeliveryRow, WebhookRow
from store.webhooks import outbox, webhooks
from temporal.names import StepName


class DeliveryStream(BaseModel):
    """One order's events for one webhook."""

    webhook: str
    order: str


class DeliverNextEventResult(BaseModel):
    """The result for the next event. With neither `more_waiting` nor `retry_in`, the run has nothing left to do."""

    number: int | None = None
    type: str | None = None
    failure: str | None = None
    status: int | None = None
    attempts: int = 0
    """How many attempts to deliver this event have failed."""
    more_waiting: bool = False
    """Whether another event may be pending, so that the next attempt follows at once."""
    retry_in: timedelta | None = None
    """The pause before the next attempt at this event."""
    disabled: str | None = None
    """Why the webhook was disabled, if it was."""


class _PendingEvent(NamedTuple):
    number: int
    url: str
    message: Message


class DeliveryActivities:
    """Posts pending events."""

    def __init__(self, store: Store, sender: WebhookSender) -> None:
        self._store = store
        self._sender = sender

    @activity.defn(name=StepName.DELIVER_NEXT_EVENT)
    async def deliver_next_event(self, stream: DeliveryStream) -> DeliverNextEventResult:
        """Post the first event of an order that a webhook has not received.

        A worker that dies between the post and its record posts the event again, under the same id.
        """
        pending = await asyncio.to_thread(self._find_pending, stream)
        if pending is None:
            return DeliverNextEventResult()
        response = await self._sender.send(pending.url, pending.message, self._store.now())
        return await asyncio.to_thread(self._record, stream, pending, response)

    def _find_pending(self, stream: DeliveryStream) -> _PendingEvent | None:
        with self._store.read() as tx:
            webhook = webhooks.of_id(tx, stream.webhook)
            row = outbox.find_next_delivery(tx, stream.webhook, stream.order)
            if webhook is None or not webhook.enabled or row is None:
                return None
            event = events.of_number(tx, row.order_number, row.number)
            data = json.loads(event.data)
            body = body_of(event.type, event.at, event.order_number, event.number, event.change, data)
            secrets = webhooks.secrets_of(webhook, self._store.now())
            return _PendingEvent(row.number, webhook.url, Message(message_id(stream.order, row.number), body, secrets))

    def _record(self, stream: DeliveryStream, pending: _PendingEvent, response: SendResult) -> DeliverNextEventResult:
        with self._store.write() as tx:
            webhook = webhooks.of_id(tx, stream.webhook, lock=True)
            row = outbox.find_next_delivery(tx, stream.webhook, stream.order)
            if webhook is None or row is None or row.number != pending.number:
                # The webhook was deleted meanwhile, or an attempt that Temporal took for lost has delivered the event.
                return DeliverNextEventResult(more_waiting=True)
            row.last_attempt_at = self._store.now()
            row.last_failure, row.last_status = response.failure, response.status
            if response.failure is None:
                return self._record_success(tx, webhook, row, response)
            return self._record_failure(tx, webhook, row, response.failure, response.status)

    def _record_success(
        self, tx: Session, webhook: WebhookRow, row: DeliveryRow, response: SendResult
    ) -> DeliverNextEventResult:
        now = self._store.now()
        row.delivered_at, row.next_attempt_at = now, None
        webhooks.succeed(webhook, now)
        outbox.lease_until(tx, row.webhook, row.order_number, now + outbox.LEASE)
        more = outbox.find_next_delivery(tx, row.webhook, row.order_number) is not None
        return DeliverNextEventResult(
            number=row.number, type=row.type, status=response.status, attempts=row.attempts, more_waiting=more
        )

    def _record_failure(
        self, tx: Session, webhook: WebhookRow, row: DeliveryRow, failure: Failure, status: int | None
    ) -> DeliverNextEventResult:
        now = self._store.now()
        row.attempts += 1
        webhooks.fail(webhook, failure, status, now)
        result = {
            "number": row.number,
            "type": row.type,
            "failure": failure,
            "status": status,
            "attempts": row.attempts,
        }
        retry_in = pause_after(row.attempts, f"{webhook.id}/{row.order_number}/{row.number}")
        if failure is Failure.GONE or retry_in is None:
            reason = DisabledReason.GONE if failure is Failure.GONE else DisabledReason.GAVE_UP
            webhooks.disable(tx, webhook, reason)
            return DeliverNextEventResult(**result, disabled=reason)
        outbox.lease_until(tx, row.webhook, row.order_number, now + retry_in + outbox.LEASE)
        return DeliverNextEventResult(**result, retry_in=retry_in)
