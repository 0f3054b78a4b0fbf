"""Names that are stored permanently: steps, workflows, messages, queues, ids and codes.

Literals only, and no import of ours, so that every layer above the domain can use them. A test pins each of
them (tests/workflows/test_names.py): renaming Python code never renames stored data.
"""

from enum import StrEnum


class System(StrEnum):
    """A system that a step changes. An external one has a task queue of its own.

    The offer catalogue is none: it is read, outside of any transaction, by steps of our own database.
    """

    STORE = "store"
    SEATS = "seats"
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
    LOOK_UP_PAYMENT = "look_up_payment"
    RECORD_PROVIDER_EVENT = "record_provider_event"
    BEGIN_REVERSAL = "begin_reversal"
    REFUND_CAPTURES = "refund_captures"
    END_REVERSAL = "end_reversal"
    BEGIN_RESEAT = "begin_reseat"
    RESEAT = "reseat"
    RELEASE_RESEATED = "release_reseated"
    CHECK_DONE_BY_HAND = "check_done_by_hand"
    FIND_ORPHANED_ORDERS = "find_orphaned_orders"
    CHECK_INVARIANTS = "check_invariants"
    CHECK_PENDING_REFUNDS = "check_pending_refunds"
    SUBMIT_PROVIDER_EVENTS = "submit_provider_events"
    DELIVER_NEXT_EVENT = "deliver_next_event"
    CHECK_FORMAT = "check_format"


class GroupName(StrEnum):
    """The activities that run adjacent steps of our own database in one transaction."""

    RUN_CHANGE = "run_change"
    RUN_CONFIRMATION = "run_confirmation"
    RUN_PAYMENT = "run_payment"
    RUN_EXTENSION = "run_extension"
    RUN_DISCARD = "run_discard"
    RUN_PAYOUT = "run_payout"
    RUN_PROVIDER_EVENT = "run_provider_event"


GROUP = "group"
"""The record under which a change's groups are withdrawn, so that its steps run one by one."""
WITHDRAW_GROUP = "withdraw_group"
"""The activity that withdraws a change's groups."""
UNDO_STEPS = "undo_steps"
"""The activity that undoes adjacent steps of our own database in one transaction."""


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
REVERSE = "reverse"
RESEAT = "reseat"
RETRY_NOW = "retry_now"
DONE_BY_HAND = "done_by_hand"
"""Updates of an order's draft."""
PROVIDER_EVENT = "provider_event"
"""The signal of an order's draft: an event of an outside provider, by the id of its request."""
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
NOT_BY_HAND = "NOT_BY_HAND"
"""The stuck step is in our own database, so there is no provider at which an operator could have done it."""
NEEDS_REQUEST = "NEEDS_REQUEST"
"""Changes and payments come through the API: their details must not enter Temporal."""
NEEDS_DEADLINE = "NEEDS_DEADLINE"
"""An operator's new deadline needs a time in the future, within the longest life of a draft."""
NEEDS_REASON = "NEEDS_REASON"
"""An operator's action that moves money needs a reason short enough to be recorded on the order."""
STEP_FAILED = "STEP_FAILED"
"""A step failed and everything was undone."""
PROVIDER_UNAVAILABLE = "PROVIDER_UNAVAILABLE"
"""A provider gave no usable answer: the fault of a step, and the outcome of a change that was undone because of it."""
PROVIDER_PENDING = "PROVIDER_PENDING"
"""A provider has accepted what a step requested and not done it yet: a fault, after which it is requested again."""
REFUSED_TOO_LATE = "REFUSED_TOO_LATE"
"""A provider refused what cannot be refused any more: a step after the point of no return, or an undo."""
PROVIDER_ANSWER_WRONG = "PROVIDER_ANSWER_WRONG"
"""A provider answered something else than was requested: a fault, after which nothing of the answer is kept."""
ANSWERS_DIFFER = "ANSWERS_DIFFER"
"""A provider refuses what it may have done before, and does not say that it did nothing."""
WITHDRAWN = "WITHDRAWN"
"""A step arrived after its undo, or a final step after its reversal or reseat: it was not done."""
FINAL_WITHDRAWN = "FINAL_WITHDRAWN"
"""Within a run: a step after the point of no return found its key withdrawn by a reversal or a reseat."""
REVERSED = "REVERSED"
"""The change was reversed after its point of no return: its captures are refunded and the old version stands."""
RECOVERY_REQUIRED = "RECOVERY_REQUIRED"
"""An earlier run left a request unfinished; it must be finished first."""
NEWER_WORKER_NEEDED = "NEWER_WORKER_NEEDED"
"""A request that a newer release has stored needs a worker of that release; until then it waits."""


def draft_id(order: str) -> str:
    """Return the id of the workflow that holds an order's draft: one per order, unique per installation."""
    return f"order/{order}"


def delivery_id(webhook: str, order: str) -> str:
    """Return the id of the workflow that delivers an order's events to a webhook, in their order."""
    return f"webhook/{webhook}/{order}"


def step_key(change: str, step: str) -> str:
    """Return the key of a change's step: the same after a crash, a reset and in another run."""
    return f"{change}/{step}"


def change_of_key(key: str) -> str:
    """Return the id of the change to which a key of ours belongs, whatever stands behind it."""
    return key.partition("/")[0]


def numbered_key(change: str, step: str, number: int) -> str:
    """Return the key of one of several acts of a change's step; 0 stands for the step itself.

    A settlement and a reversal number their moves, and a step that follows a reseat has the reseat's number.
    """
    return f"{step_key(change, step)}/{number}" if number else step_key(change, step)


def hold_key(key: str, discarded: int) -> str:
    """Return the key under which a step holds at its provider once so many answers to it were discarded.

    The first is the step's own. A key whose answer was discarded is released, and can hold nothing any more.
    """
    return f"{key}/{discarded}" if discarded else key


def back_key(key: str) -> str:
    """Return the key of the way back of a capture under a key: its refund, because a later capture was refused."""
    return f"{key}/back"


def order_of(workflow: str) -> str:
    """Return the order whose draft a workflow holds."""
    return workflow.removeprefix("order/")


def queue_of(system: System) -> str:
    """Return the task queue of an external system."""
    return ORDERS_QUEUE if system is System.STORE else system.value
