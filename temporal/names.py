"""Names that are stored permanently: steps, workflows, messages, queues, ids and codes.

Literals only, and no import of ours, so that every layer above the domain can use them. A test pins each of
them (tests/workflows/test_names.py): renaming Python code never renames stored data.
"""

from enum import StrEnum


class System(StrEnum):
    """A system that a step touches. An external one has a task queue of its own."""

    STORE = "store"
    SEATS = "seats"
    OFFERS = "offers"
    PAYMENTS = "payments"


class StepName(StrEnum):
    """The activities: steps, their undos, and the activities that are no steps of a change."""

    PLAN_CHANGE = "plan_change"
    VALIDATE_TRAVELLERS = "validate_travellers"
    QUOTE_CHANGE = "quote_change"
    RESERVE_SEATS = "reserve_seats"
    RELEASE_SEATS = "release_seats"
    SWAP_OFFER_BUNDLE = "swap_offer_bundle"
    RESTORE_OFFER_BUNDLE = "restore_offer_bundle"
    EXTEND_HOLDS = "extend_holds"
    AUTHORISE_PAYMENT = "authorise_payment"
    VOID_PAYMENT = "void_payment"
    SETTLE_PRICE_DIFFERENCE = "settle_price_difference"
    CONFIRM_SEATS = "confirm_seats"
    CONFIRM_ORDER = "confirm_order"
    RELEASE_REPLACED_SEATS = "release_replaced_seats"
    CLOSE_DRAFT = "close_draft"
    RECORD_OUTCOME = "record_outcome"
    FIND_UNFINISHED_WORK = "find_unfinished_work"
    RECORD_ATTENTION = "record_attention"
    RECORD_PAYOUT = "record_payout"
    CHECK_DONE_BY_HAND = "check_done_by_hand"
    FIND_ORPHANED_ORDERS = "find_orphaned_orders"
    CHECK_INVARIANTS = "check_invariants"
    DELIVER_NEXT_EVENT = "deliver_next_event"


ORDER_DRAFT = "OrderDraft"
DELIVER_EVENTS = "DeliverEvents"
RECONCILE = "Reconcile"
"""Workflow types."""

CHANGE = "change"
CONFIRM = "confirm"
DISCARD = "discard"
PAY = "pay"
EXTEND = "extend"
PAYOUT = "payout"
RETRY_NOW = "retry_now"
DONE_BY_HAND = "done_by_hand"
"""Updates of an order's draft."""
PROGRESS = "progress"
"""The query of an order's draft."""
DELIVER_NOW = "deliver_now"
"""The signal of a webhook's deliveries."""

ORDERS_QUEUE = "orders"
WEBHOOKS_QUEUE = "webhooks"
"""A queue of its own, so that slow endpoints never hold up an order."""
DEPLOYMENT = "changeover"
"""The name of our workers' deployment, used when worker versioning is on (CHANGEOVER_BUILD)."""
RECONCILE_ID = "reconcile"
"""The id of the schedule that reconciles, and of the runs it starts."""

DRAFT_CLOSING = "DRAFT_CLOSING"
"""The run is about to end; a client that retries reaches the next run."""
QUEUE_FULL = "QUEUE_FULL"
"""Six requests are queued already; a client may retry later."""
NOTHING_STUCK = "NOTHING_STUCK"
"""No step needs attention."""
NEEDS_REQUEST = "NEEDS_REQUEST"
"""Changes and payments come through the API: their details must not enter Temporal."""
NEEDS_DEADLINE = "NEEDS_DEADLINE"
"""An operator's new deadline needs a time in the future, within the longest life of a draft."""
NEEDS_REASON = "NEEDS_REASON"
"""An operator's action that moves money needs a reason short enough to be recorded on the order."""
STEP_FAILED = "STEP_FAILED"
"""A step failed and everything was undone."""
REFUSED_TOO_LATE = "REFUSED_TOO_LATE"
"""A provider refused what cannot be refused any more: a step after the point of no return, or an undo."""
RECOVERY_REQUIRED = "RECOVERY_REQUIRED"
"""An earlier run left a request unfinished; it must be finished first."""


def draft_id(order: str) -> str:
    """Return the id of the workflow that holds an order's draft: one per order, unique per installation."""
    return f"order/{order}"


def delivery_id(webhook: str, order: str) -> str:
    """Return the id of the workflow that delivers an order's events to a webhook, in their order."""
    return f"webhook/{webhook}/{order}"


def step_key(change: str, step: str) -> str:
    """Return the key of a change's step: the same after a crash, a reset and in another run."""
    return f"{change}/{step}"


def order_of(workflow: str) -> str:
    """Return the order whose draft a workflow holds."""
    return workflow.removeprefix("order/")


def queue_of(system: System) -> str:
    """Return the task queue of an external system."""
    return ORDERS_QUEUE if system is System.STORE else system.value
