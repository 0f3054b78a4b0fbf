"""What is known of the final steps of a change that is stuck after its settlement."""

from datetime import timedelta

from sqlmodel import Session

from domain.refusals import OutcomeUnknown, SeatsConfirmed
from store.changes import reseats, step_records
from temporal.names import StepName, numbered_key, step_key

LATE_ANSWER = timedelta(minutes=2)
"""How long after its beginning an unanswered call may still take effect at a provider."""


def check_not_confirmed(tx: Session, order: str, change: str) -> None:
    """Raise SeatsConfirmed or OutcomeUnknown unless it is known that no final step of a change was done.

    A reseat has withdrawn the keys before its own, and only after the same check.
    """
    seats = numbered_key(change, StepName.CONFIRM_SEATS, reseats.number_of(tx, order, change))
    for step, key in (
        (StepName.CONFIRM_SEATS, seats),
        (StepName.CONFIRM_ORDER, step_key(change, StepName.CONFIRM_ORDER)),
    ):
        attempts = step_records.attempts_at(tx, key)
        if attempts is not None and attempts.done:
            raise SeatsConfirmed
        if attempts is not None and not attempts.known_not_done(LATE_ANSWER):
            raise OutcomeUnknown({"step": step})
