"""Bodies of webhook deliveries and pauses between attempts."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as some

from domain.webhooks import MAX_BODY, PAUSES, body_of, pause_after
from temporal.names import StepName

AT = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)


@settings(max_examples=30)
@given(spread=some.text(max_size=20))
def test_pauses_grow_from_seconds_to_a_day_and_end_after_about_five_days(spread: str) -> None:
    pauses = [pause_after(attempts, spread) for attempts in range(1, len(PAUSES) + 1)]
    for pause, usual in zip(pauses, PAUSES, strict=True):
        assert pause is not None
        assert 0.9 * usual <= pause <= 1.1 * usual
    assert timedelta(days=4) < sum((pause for pause in pauses if pause), timedelta()) < timedelta(days=6)
    assert pause_after(len(PAUSES) + 1, spread) is None


def test_deliveries_that_failed_together_are_not_retried_together() -> None:
    pauses = {pause_after(4, f"W1/26-{number}/1") for number in range(100_000, 100_050)}
    assert len(pauses) > 10


def test_a_body_names_the_event_first_and_its_data_beside_it() -> None:
    body = body_of("order_confirmed", AT, "26-100001", 7, "C1", {"version": 2, "status": "confirmed"})
    assert json.loads(body) == {
        "type": "order_confirmed",
        "timestamp": "2026-11-22T10:30:00+00:00",
        "data": {"version": 2, "status": "confirmed", "order": "26-100001", "number": 7, "change": "C1"},
    }


def test_an_operators_reason_is_not_posted() -> None:
    body = body_of(
        "done_by_hand", AT, "26-100001", 7, "C1", {"step": StepName.RESERVE_SEATS, "reason": "as Kari asked"}
    )
    assert "Kari" not in body


def test_an_event_that_is_too_large_is_posted_with_its_order_and_number_only() -> None:
    added = [f"26-100001-{number}" for number in range(2000)]
    body = body_of("order_changed", AT, "26-100001", 7, "C1", {"added": added})
    assert len(body) < MAX_BODY
    assert json.loads(body)["data"] == {"order": "26-100001", "number": 7, "change": "C1", "cut": True}
