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
    """The activities: steps, their undos, and what the engine runs beside them."""

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
    RELEASE_REPLACED_SEATS = "give_back_seats"
    CLOSE_DRAFT = "close_draft"
    RECORD_OUTCOME = "record_outcome"
    FIND_UNFINISHED_WORK = "look_back"
    RECORD_ATTENTION = "note_attention"
    CHECK_DONE_BY_HAND = "take_by_hand"
    FIND_ORPHANED_ORDERS = "find_strays"
    CHECK_INVARIANTS = "check_books"
    DELIVER_NEXT_EVENT = "deliver_next"


ORDER_DRAFT = "OrderDraft"
DELIVER_EVENTS = "DeliverEvents"
RECONCILE = "Reconcile"
"""Workflow types."""

CHANGE = "change"
CONFIRM = "confirm"
DISCARD = "discard"
PAY = "pay"
EXTEND = "extend"
RETRY_NOW = "retry_now"
DONE_BY_HAND = "done_by_hand"
"""Updates of an order's draft."""
PROGRESS = "progress"
"""The query of an order's draft."""
DELIVER_NOW = "look"
"""The signal of a webhook's deliveries."""

ORDERS_QUEUE = "orders"
WEBHOOKS_QUEUE = "webhooks"
"""A queue of its own, so that slow endpoints never hold up an order."""
DEPLOYMENT = "changeover"
"""The name of our workers' deployment, when each build is a version of its own."""
RECONCILE_ID = "reconcile"
"""The id of the schedule that reconciles, and of the runs it starts."""

DRAFT_CLOSING = "DRAFT_CLOSING"
"""The run has decided to end; a client that asks again reaches the next run."""
QUEUE_FULL = "QUEUE_FULL"
"""Six requests wait already; a client that asks again may find a place in the queue."""
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
RECOVERY_REQUIRED = "LOOK_BACK_FIRST"
"""An earlier run left a request unfinished; it must be finished first."""

REMEMBER_FIRST = "remember-first"
"""Patch of 2026-11-22: a draft is closed by what the store says it holds, not only by what its run remembers."""
BY_HAND_HEARD = "by-hand-heard"
"""Patch of 2026-11-22: a step is taken for done by hand only by whom, and up to what, it may be said."""
ATTENTION_NOTED = "attention-noted"
"""Patch of 2026-11-22: that a step is stuck, and that it is tried again by hand, is written on the order."""


def draft_id(order: str) -> str:
    """Return the id of the workflow that holds an order's draft: one per order, unique per installation."""
    return f"order/{order}"


def delivery_id(webhook: str, order: str) -> str:
    """Return the id of the workflow that delivers an order's events to a webhook, in their order."""
    return f"webhook/{webhook}/{order}"


def order_of(workflow: str) -> str:
    """Return the order whose draft a workflow holds."""
    return workflow.removeprefix("order/")


def queue_of(system: System) -> str:
    """Return the task queue of an external system."""
    return ORDERS_QUEUE if system is System.STORE else system.value
