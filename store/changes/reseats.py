"""The reseats of changes that are stuck after their settlement."""

from pydantic_core import from_json
from sqlmodel import Session, col, select

from domain.reseats import BegunReseat, Reseat
from store.changes import changes
from store.changes.step_records import StepState
from store.tables import StepRecordRow
from temporal.names import StepName, numbered_key


def begun(tx: Session, order: str) -> list[BegunReseat]:
    """Return the reseats that have begun on an order, first begun first."""
    records = select(StepRecordRow.change, StepRecordRow.result).where(
        StepRecordRow.order_number == order, StepRecordRow.step == StepName.BEGIN_RESEAT
    )
    results = tx.exec(records.where(col(StepRecordRow.result).is_not(None)).order_by(col(StepRecordRow.sequence)))
    found = [(request, from_json(result or "").get("reseat")) for request, result in results]
    return [BegunReseat(request=request, reseat=reseat) for request, reseat in found if reseat]


def latest(tx: Session, order: str, change: str) -> Reseat | None:
    """Return the latest reseat of a change, or None."""
    of_change = [each.reseat for each in begun(tx, order) if each.reseat.change == change]
    return of_change[-1] if of_change else None


def number_of(tx: Session, order: str, change: str) -> int:
    """Return the number of a change's latest reseat; 0 for none."""
    reseat = latest(tx, order, change)
    return reseat.number if reseat else 0


def is_finished(tx: Session, reseat: Reseat) -> bool:
    """Whether the other seats of a reseat are held, or refused."""
    record = tx.get(StepRecordRow, numbered_key(reseat.change, StepName.RESEAT, reseat.number))
    return record is not None and record.state == StepState.DONE


def has_held(tx: Session, reseat: Reseat) -> bool:
    """Whether the other seats of a reseat are held."""
    record = tx.get(StepRecordRow, numbered_key(reseat.change, StepName.RESEAT, reseat.number))
    return record is not None and record.state == StepState.DONE and record.refusal is None


def unfinished(tx: Session, order: str) -> list[BegunReseat]:
    """Return the latest begun reseat of each change of an order that has no outcome."""
    by_change = {each.reseat.change: each for each in begun(tx, order)}
    return [each for change, each in by_change.items() if changes.existing(tx, change).outcome is None]
