"""What is known of a final step's attempts at an external provider decides whether another way may be taken."""

from datetime import UTC, datetime, timedelta

import pytest

from store.changes import step_records
from store.database.store import Store
from store.tables import StepRecordRow

LATE_ANSWER = timedelta(minutes=2)
FIRST, SECOND = datetime(2026, 11, 29, 12, 0, 0, tzinfo=UTC), datetime(2026, 11, 29, 12, 0, 20, tzinfo=UTC)
MUCH_LATER = SECOND + LATE_ANSWER


@pytest.fixture
def key(store: Store) -> str:
    """The key of a final step that has started."""
    row = StepRecordRow(
        tenant="default",
        key="C1/confirm_seats",
        order_number="99-100001",
        change="C1",
        step="confirm_seats",
        sequence=1,
        command="{}",
        state=step_records.StepState.STARTED,
        started_at=FIRST,
    )
    with store.write() as tx:
        tx.merge(row)
    return row.key


def begin(store: Store, key: str, now: datetime) -> step_records.Attempt:
    with store.write() as tx:
        return step_records.begin_attempt(tx, step_records.of_key(tx, key), now)


def refuse(store: Store, key: str, attempt: step_records.Attempt) -> None:
    with store.write() as tx:
        step_records.refuse_attempt(tx, key, attempt)


def is_known_not_done(store: Store, key: str) -> bool:
    with store.read() as tx:
        attempts = step_records.attempts_at(tx, key)
    return attempts is not None and attempts.known_not_done(LATE_ANSWER)


def test_a_step_is_known_not_done_once_every_attempt_is_refused_in_whatever_order(store: Store, key: str) -> None:
    first, second = begin(store, key, FIRST), begin(store, key, SECOND)
    refuse(store, key, first)
    assert not is_known_not_done(store, key)
    refuse(store, key, second)
    assert is_known_not_done(store, key)


def test_an_attempt_without_an_answer_may_still_be_done_though_a_later_one_is_refused(store: Store, key: str) -> None:
    begin(store, key, FIRST)
    refuse(store, key, begin(store, key, SECOND))
    assert not is_known_not_done(store, key)


def test_an_attempt_without_an_answer_counts_no_more_once_one_long_after_it_is_refused(store: Store, key: str) -> None:
    begin(store, key, FIRST)
    refuse(store, key, begin(store, key, MUCH_LATER))
    assert is_known_not_done(store, key)
