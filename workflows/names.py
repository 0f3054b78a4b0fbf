"""Names that are stored for ever: ids, queues, search attributes and the codes of the workflow itself."""

from temporalio.common import SearchAttributeKey

from activities.steps import Place

ORDERS_QUEUE = "orders"
WEBHOOKS_QUEUE = "webhooks"
"""Apart, so that endpoints that are slow never hold up an order."""
DEPLOYMENT = "changeover"
"""What Temporal calls all our workers together, when each build is a version of its own."""
MEASURE_DISPATCH = "MeasureDispatch"
"""The run by which it is measured how long a dispatch takes (hops.py). No worker has code for it."""
MEASURE_DISPATCH_ID = "measure-dispatch"
"""One at a time, or each would take the other's tasks."""
MEASURE_DISPATCH_QUEUE = "measure-dispatch"

ORDER_NUMBER = SearchAttributeKey.for_keyword("OrderNumber")
ORDER_STATE = SearchAttributeKey.for_keyword("OrderState")
CHANGE_KIND = SearchAttributeKey.for_keyword("ChangeKind")
CHANNEL = SearchAttributeKey.for_keyword("Channel")
CORRELATION_ID = SearchAttributeKey.for_keyword("CorrelationId")
STUCK_STEP = SearchAttributeKey.for_keyword("StuckStep")
PRICE_DIFF_MINOR = SearchAttributeKey.for_int("PriceDiffMinor")
NEEDS_ATTENTION = SearchAttributeKey.for_bool("NeedsAttention")
DRAFT_EXPIRES = SearchAttributeKey.for_datetime("DraftExpires")

SEARCH_ATTRIBUTES = (
    ORDER_NUMBER,
    ORDER_STATE,
    CHANGE_KIND,
    CHANNEL,
    CORRELATION_ID,
    STUCK_STEP,
    PRICE_DIFF_MINOR,
    NEEDS_ATTENTION,
    DRAFT_EXPIRES,
)

STUCK = f"WorkflowType = 'OrderDraft' AND ExecutionStatus = 'Running' AND {NEEDS_ATTENTION.name} = true"
"""The query for the drafts that wait for an operator."""

DRAFT_CLOSING = "DRAFT_CLOSING"
"""The run has decided to end; asking again starts the next one."""
QUEUE_FULL = "QUEUE_FULL"
"""Six requests wait already; asking again may find a place."""
NOTHING_STUCK = "NOTHING_STUCK"
"""No step needs attention."""
NEEDS_REQUEST = "NEEDS_REQUEST"
"""Changes and payments come through the API: their details must not enter Temporal."""
NEEDS_DEADLINE = "NEEDS_DEADLINE"
"""A deadline moved by hand needs a time, ahead of now and not too far."""
NEEDS_REASON = "NEEDS_REASON"
"""What moves money by hand needs a reason, and none may be too long to be recorded on the order."""
STEP_FAILED = "STEP_FAILED"
"""Something broke and everything was taken back."""


REMEMBER_FIRST = "remember-first"
"""Patch of 2026-11-22: a draft is closed by what the store says it holds, not only by what its run remembers."""
BY_HAND_HEARD = "by-hand-heard"
"""Patch of 2026-11-22: a step is taken for done by hand only by whom, and up to what, it may be said."""
ATTENTION_NOTED = "attention-noted"
"""Patch of 2026-11-22: that a step is stuck, and that it is tried again by hand, is written on the order."""


def draft_id(order: str) -> str:
    """Return the id of the workflow that holds an order's draft: one per order, installation-wide."""
    return f"order/{order}"


def delivery_id(webhook: str, order: str) -> str:
    """Return the id of the workflow that delivers an order's events to a webhook, in their order."""
    return f"webhook/{webhook}/{order}"


def order_of(workflow: str) -> str:
    """Return the order whose draft a workflow holds."""
    return workflow.removeprefix("order/")


def queue_of(place: Place) -> str:
    """Return the task queue of a provider that is outside."""
    return ORDERS_QUEUE if place is Place.STORE else place.value
