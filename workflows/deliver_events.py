"""Delivers an order's events to one webhook, one by one in their order, until none is pending."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.webhook_deliveries import DeliverNextEventResult, DeliveryActivities, DeliveryStream
from temporal.names import DELIVER_EVENTS, DELIVER_NOW

# Longer than a post may take, plus the two transactions of the store around it.
_ATTEMPT = timedelta(seconds=25)
# For faults on our side. An endpoint that rejects an event is a result of the activity, with a pause of its own.
_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(minutes=1))


class StartDelivery(BaseModel):
    """The order and the webhook of a run. It holds only the host of the URL: the rest of a URL may contain secrets."""

    webhook: str
    order: str
    host: str
    delivered: int = 0


class DeliveryRunResult(BaseModel):
    """The result of a run."""

    delivered: int
    disabled: str | None = None


@workflow.defn(name=DELIVER_EVENTS)
class DeliverEvents:
    """Posts one order's events to one webhook, one after the other."""

    def __init__(self) -> None:
        self._deliver_now = False

    @workflow.signal(name=DELIVER_NOW)
    def deliver_now(self) -> None:
        """Read the outbox at once: a new event is pending, or a pending one must be retried now."""
        self._deliver_now = True

    @workflow.run
    async def run(self, start: StartDelivery) -> DeliveryRunResult:
        """Deliver pending events. The run ends when none is left, or when the webhook is disabled or deleted."""
        delivered = start.delivered
        while True:
            self._deliver_now = False
            result = await self._post(start)
            delivered += result.number is not None and result.failure is None
            workflow.set_current_details(_details(result, delivered))
            if result.retry_in is not None:
                await self._pause(result.retry_in)
            elif not (result.more_waiting or self._deliver_now):
                return DeliveryRunResult(delivered=delivered, disabled=result.disabled)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start.model_copy(update={"delivered": delivered}))

    async def _post(self, start: StartDelivery) -> DeliverNextEventResult:
        return await workflow.execute_activity_method(
            DeliveryActivities.deliver_next_event,
            DeliveryStream(webhook=start.webhook, order=start.order),
            start_to_close_timeout=_ATTEMPT,
            retry_policy=_RETRIES,
            summary=f"post the next event to {start.host}",
        )

    async def _pause(self, pause: timedelta) -> None:
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._deliver_now, timeout=pause, timeout_summary="pause before the next attempt"
            )


def _details(result: DeliverNextEventResult, delivered: int) -> str:
    """Return the text that the Web UI shows of a run."""
    lines = [f"Events delivered: {delivered}."]
    if result.failure:
        status = f" {result.status}" if result.status else ""
        lines.append(f"Event {result.number}, {result.type}, was not accepted: {result.failure}{status}.")
    if result.retry_in is not None:
        lines.append(f"Failed attempts: {result.attempts}. The next attempt is in {result.retry_in}.")
    if result.disabled:
        lines.append(f"The webhook is disabled: {result.disabled}.")
    return "\n\n".join(lines)
