"""Pins the names that are stored permanently. A change of this file would break every recorded history."""

from pathlib import Path

from temporalio import activity, workflow

from domain.changes import ChangeState
from domain.moves import MoveState
from domain.orders import OrderStatus
from domain.provider_events import DisputeState, ProviderEventKind
from domain.settlement import MoveKind
from domain.webhooks import DisabledReason, Failure, message_id
from runtime.bootstrap import build_activities, build_components, build_webhook_activities
from runtime.settings import Settings
from temporal.names import (
    DEPLOYMENT,
    ORDERS_QUEUE,
    RECONCILE_ID,
    UNDO_STEPS,
    WEBHOOKS_QUEUE,
    WITHDRAW_GROUP,
    GroupName,
    StepName,
    back_key,
    delivery_id,
    draft_id,
    hold_key,
    numbered_key,
)
from temporal.search_attributes import SEARCH_ATTRIBUTES
from workflows.deliver_events import DeliverEvents
from workflows.order_draft import OrderDraft


def test_the_workflow_its_updates_and_its_query() -> None:
    definition = workflow._Definition.must_from_class(OrderDraft)  # noqa: SLF001 - the SDK's own record of names
    assert definition.name == "OrderDraft"
    assert set(definition.updates) == {
        "change",
        "confirm",
        "discard",
        "pay",
        "extend",
        "payout",
        "reverse",
        "reseat",
        "retry_now",
        "done_by_hand",
    }
    assert {name for name in definition.queries if name and not name.startswith("__")} == {"progress"}
    assert {name for name in definition.signals if name and not name.startswith("__")} == {"provider_event"}
    assert draft_id("26-100001") == "order/26-100001"
    assert ORDERS_QUEUE == "orders"
    assert DEPLOYMENT == "changeover"
    assert RECONCILE_ID == "reconcile"


def test_the_keys_under_which_a_step_holds() -> None:
    assert hold_key("c/reserve_seats", 0) == "c/reserve_seats"
    assert hold_key("c/reserve_seats", 2) == "c/reserve_seats/2"
    assert hold_key("c/reseat/1", 2) == "c/reseat/1/2"


def test_the_workflow_that_delivers_events_and_its_signal() -> None:
    definition = workflow._Definition.must_from_class(DeliverEvents)  # noqa: SLF001 - likewise
    assert definition.name == "DeliverEvents"
    assert {name for name in definition.signals if name and not name.startswith("__")} == {"deliver_now"}
    assert not definition.updates
    assert not [name for name in definition.queries if name and not name.startswith("__")]
    assert delivery_id("W1", "26-100001") == "webhook/W1/26-100001"
    assert WEBHOOKS_QUEUE == "webhooks"


def test_the_stored_values_of_webhooks() -> None:
    assert {each.value for each in Failure} == {
        "BAD_STATUS",
        "REDIRECTED",
        "GONE",
        "TIMED_OUT",
        "UNREACHABLE",
        "TLS_FAILED",
        "ADDRESS_UNKNOWN",
        "ADDRESS_REFUSED",
    }
    assert {each.value for each in DisabledReason} == {"GONE", "GAVE_UP", "BY_REQUEST"}
    assert message_id("26-100001", 7) == "evt_26-100001_7"


def test_no_activity_is_interrupted_by_the_sdk(tmp_path: Path) -> None:
    components = build_components(Settings(database=f"sqlite:///{tmp_path / 'names.db'}"))
    every = [*build_activities(components), *build_webhook_activities(components)]
    definitions = [activity._Definition.must_from_callable(each) for each in every]  # noqa: SLF001 - likewise
    components.store.close()
    assert [each.name for each in definitions if not (each.is_async or each.no_thread_cancel_exception)] == []


def test_the_activities(tmp_path: Path) -> None:
    components = build_components(Settings(database=f"sqlite:///{tmp_path / 'names.db'}"))
    names = {activity._Definition.must_from_callable(each).name for each in build_activities(components)}  # noqa: SLF001 - likewise
    (posts,) = (activity._Definition.must_from_callable(each).name for each in build_webhook_activities(components))  # noqa: SLF001 - likewise
    components.store.close()
    assert posts == "deliver_next_event"
    assert names == {
        "plan_change",
        "validate_travellers",
        "quote_change",
        "reserve_seats",
        "release_seats",
        "swap_offer_bundle",
        "restore_offer_bundle",
        "extend_holds",
        "authorise_payment",
        "void_payment",
        "settle_price_difference",
        "record_payout",
        "look_up_payment",
        "record_provider_event",
        "begin_reseat",
        "reseat",
        "release_reseated",
        "begin_reversal",
        "refund_captures",
        "end_reversal",
        "confirm_seats",
        "confirm_order",
        "release_replaced_seats",
        "close_draft",
        "record_outcome",
        "find_unfinished_work",
        "record_attention",
        "check_done_by_hand",
        "check_format",
        "find_orphaned_orders",
        "check_invariants",
        "check_pending_refunds",
        "submit_provider_events",
        "run_change",
        "run_confirmation",
        "run_payment",
        "run_extension",
        "run_discard",
        "run_payout",
        "run_provider_event",
        "withdraw_group",
        "undo_steps",
    }
    assert names | {"deliver_next_event"} == {*StepName, *GroupName, WITHDRAW_GROUP, UNDO_STEPS}


def test_the_search_attributes() -> None:
    assert {(key.name, key.indexed_value_type.name) for key in SEARCH_ATTRIBUTES} == {
        ("OrderNumber", "KEYWORD"),
        ("OrderState", "KEYWORD"),
        ("ChangeKind", "KEYWORD"),
        ("Channel", "KEYWORD"),
        ("CorrelationId", "KEYWORD"),
        ("StuckStep", "KEYWORD"),
        ("PriceDiffMinor", "INT"),
        ("NeedsAttention", "BOOL"),
        ("DraftExpires", "DATETIME"),
    }


def test_states_and_outcomes() -> None:
    assert {state.value for state in ChangeState} == {
        "waiting",
        "running",
        "undoing",
        "needs_attention",
        "done",
        "refused",
        "undone",
    }
    assert {status.value for status in OrderStatus} == {"draft", "confirmed", "expired", "cancelled"}


def test_the_states_of_moves_and_the_kinds_of_entries_in_the_ledger() -> None:
    assert {state.value for state in MoveState} == {"planned", "started", "done", "pending", "refused", "failed"}
    assert {kind.value for kind in MoveKind} == {
        "capture",
        "void",
        "refund",
        "owe",
        "payout",
        "refund_failed",
        "lost",
    }


def test_the_keys_of_moves() -> None:
    assert numbered_key("C1", StepName.SETTLE_PRICE_DIFFERENCE, 2) == "C1/settle_price_difference/2"
    assert back_key("C1/settle_price_difference/2") == "C1/settle_price_difference/2/back"


def test_the_kinds_of_events_of_providers_and_the_states_of_disputes() -> None:
    assert {kind.value for kind in ProviderEventKind} == {
        "refund_paid",
        "refund_failed",
        "authorisation_ended",
        "dispute_opened",
        "dispute_won",
        "dispute_lost",
    }
    assert {state.value for state in DisputeState} == {"open", "won", "lost", "closed"}
