"""Delivers events to webhooks, one at a time, and notes what became of it.

An endpoint's no is an answer of the activity: only what breaks on our side is retried by Temporal.
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
    """One order's events on their way to one webhook."""

    webhook: str
    order: str


class DeliverNextEventResult(BaseModel):
    """What became of the next event; nothing is left to do when no more and no time is said."""

    number: int | None = None
    type: str | None = None
    failure: str | None = None
    status: int | None = None
    attempts: int = 0
    """How many attempts at this event have failed."""
    more_waiting: bool = False
    """Whether to look again at once."""
    retry_in: timedelta | None = None
    """When to try this event again."""
    disabled: str | None = None
    """Why the webhook was disabled, if it was."""


class _Due(NamedTuple):
    number: int
    url: str
    message: Message


class DeliveryActivities:
    """Posts what is owed."""

    def __init__(self, store: Store, poster: WebhookSender) -> None:
        self._store = store
        self._poster = poster

    @activity.defn(name=StepName.DELIVER_NEXT_EVENT)
    async def deliver_next_event(self, course: DeliveryStream) -> DeliverNextEventResult:
        """Post the first event of an order that a webhook has not got yet.

        Who dies between the post and the note posts it again, under the same id.
        """
        due = await asyncio.to_thread(self._due, course)
        if due is None:
            return DeliverNextEventResult()
        answered = await self._poster.send(due.url, due.message, self._store.now())
        return await asyncio.to_thread(self._note, course, due, answered)

    def _due(self, course: DeliveryStream) -> _Due | None:
        with self._store.read() as tx:
            webhook = webhooks.of_id(tx, course.webhook)
            row = outbox.head(tx, course.webhook, course.order)
            if webhook is None or not webhook.enabled or row is None:
                return None
            event = events.of_number(tx, row.order_number, row.number)
            told = json.loads(event.data)
            body = body_of(event.type, event.at, event.order_number, event.number, event.change, told)
            secrets = webhooks.secrets_of(webhook, self._store.now())
            return _Due(row.number, webhook.url, Message(message_id(course.order, row.number), body, secrets))

    def _note(self, course: DeliveryStream, due: _Due, answered: SendResult) -> DeliverNextEventResult:
        with self._store.write() as tx:
            webhook = webhooks.of_id(tx, course.webhook, lock=True)
            row = outbox.head(tx, course.webhook, course.order)
            if webhook is None or row is None or row.number != due.number:
                # Deleted meanwhile, or an attempt that was given up for lost has delivered it.
                return DeliverNextEventResult(more_waiting=True)
            row.last_attempt_at = self._store.now()
            row.last_failure, row.last_status = answered.failure, answered.status
            if answered.failure is None:
                return self._taken(tx, webhook, row, answered)
            return self._not_taken(tx, webhook, row, answered.failure, answered.status)

    def _taken(
        self, tx: Session, webhook: WebhookRow, row: DeliveryRow, answered: SendResult
    ) -> DeliverNextEventResult:
        now = self._store.now()
        row.delivered_at, row.next_attempt_at = now, None
        webhooks.succeed(webhook, now)
        outbox.lease_until(tx, row.webhook, row.order_number, now + outbox.LEASE)
        more = outbox.head(tx, row.webhook, row.order_number) is not None
        return DeliverNextEventResult(
            number=row.number, type=row.type, status=answered.status, attempts=row.attempts, more_waiting=more
        )

    def _not_taken(
        self, tx: Session, webhook: WebhookRow, row: DeliveryRow, failure: Failure, status: int | None
    ) -> DeliverNextEventResult:
        now = self._store.now()
        row.attempts += 1
        webhooks.fail(webhook, failure, status, now)
        told = {"number": row.number, "type": row.type, "failure": failure, "status": status, "attempts": row.attempts}
        again_in = pause_after(row.attempts, f"{webhook.id}/{row.order_number}/{row.number}")
        if failure is Failure.GONE or again_in is None:
            why = DisabledReason.GONE if failure is Failure.GONE else DisabledReason.GAVE_UP
            webhooks.disable(tx, webhook, why)
            return DeliverNextEventResult(**told, disabled=why)
        outbox.lease_until(tx, row.webhook, row.order_number, now + again_in + outbox.LEASE)
        return DeliverNextEventResult(**told, retry_in=again_in)
