"""Delivers an order's events to one webhook, in their order, until none waits."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RetryPolicy

from activities.webhook_deliveries import DeliverNextEventResult, DeliveryActivities, DeliveryStream
from temporal.names import DELIVER_EVENTS, DELIVER_NOW

# Longer than a post may take, and the two looks at the store beside it.
_ATTEMPT = timedelta(seconds=25)
# Of what breaks on our side. An endpoint that does not take an event is an answer, with a pause of its own.
_PATIENT = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(minutes=1))


class StartDelivery(BaseModel):
    """Whose events to tell whom. The host is for whoever reads the history; the rest of a URL may hold secrets."""

    webhook: str
    order: str
    host: str
    delivered: int = 0


class DeliveryRunResult(BaseModel):
    """What a run did."""

    delivered: int
    disabled: str | None = None


@workflow.defn(name=DELIVER_EVENTS)
class DeliverEvents:
    """One order's events, one webhook, one after the other."""

    def __init__(self) -> None:
        self._look = False

    @workflow.signal(name=DELIVER_NOW)
    def deliver_now(self) -> None:
        """Look at once: something new waits, or what waits shall be tried again now."""
        self._look = True

    @workflow.run
    async def run(self, start: StartDelivery) -> DeliveryRunResult:
        """Deliver what waits. Ends when nothing does, or when the webhook is disabled or gone."""
        delivered = start.delivered
        while True:
            self._look = False
            posted = await self._post(start)
            delivered += posted.number is not None and posted.failure is None
            workflow.set_current_details(_page(posted, delivered))
            if posted.retry_in is not None:
                await self._pause(posted.retry_in)
            elif not (posted.more_waiting or self._look):
                return DeliveryRunResult(delivered=delivered, disabled=posted.disabled)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(start.model_copy(update={"delivered": delivered}))

    async def _post(self, start: StartDelivery) -> DeliverNextEventResult:
        return await workflow.execute_activity_method(
            DeliveryActivities.deliver_next_event,
            DeliveryStream(webhook=start.webhook, order=start.order),
            start_to_close_timeout=_ATTEMPT,
            retry_policy=_PATIENT,
            summary=f"post the next event to {start.host}",
        )

    async def _pause(self, pause: timedelta) -> None:
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._look, timeout=pause, timeout_summary="until the event is tried again"
            )


def _page(posted: DeliverNextEventResult, delivered: int) -> str:
    """Return what operators see of a run."""
    lines = [f"Events delivered: {delivered}."]
    if posted.failure:
        status = f" {posted.status}" if posted.status else ""
        lines.append(f"Event {posted.number}, {posted.type}, was not taken: {posted.failure}{status}.")
    if posted.retry_in is not None:
        lines.append(f"Failed attempts: {posted.attempts}. It is tried again in {posted.retry_in}.")
    if posted.disabled:
        lines.append(f"The webhook is disabled: {posted.disabled}.")
    return "\n\n".join(lines)
