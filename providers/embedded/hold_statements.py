"""The statements that holds on seats and on units have in common, and the references of both."""

from collections.abc import Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import bindparam, case, delete, update
from sqlmodel import Session

from store.database.inserts import table_of
from store.tables import ReservationRow, StepRecordRow
from temporal.names import StepName

_UNIT = "u"
_RESERVATIONS, _RECORDS = table_of(ReservationRow), table_of(StepRecordRow)


def seat_reference(key: str, number: int) -> str:
    """Return the reference of a seat: a key's seats and units are numbered together from 1."""
    return f"{key}/{number}"


def unit_reference(key: str, number: int) -> str:
    """Return the reference of a unit. Its form tells which table has it, so no other table is searched."""
    return f"{key}/{_UNIT}{number}"


def number_of(reference: str) -> int:
    """Return the number of a reference among those of its key."""
    return int(_last(reference).removeprefix(_UNIT))


def split(references: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the references of seats, and those of units."""
    units = [each for each in references if _last(each).startswith(_UNIT)]
    return [each for each in references if not _last(each).startswith(_UNIT)], units


def _last(reference: str) -> str:
    return reference.rpartition("/")[2]


def is_live(holds: sa.Table) -> sa.ColumnElement[bool]:
    """Return the condition for a hold that takes its place at `now`: sold, not overdue, or of an order that settles.

    While a settlement is under way, the money may have moved already: until its outcome is known, what the order holds
    does not lapse.
    """
    return (holds.c.state == "confirmed") | (holds.c.expires_at > bindparam("now")) | _settles(holds)


def is_overdue(holds: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition for a hold whose place may be given to another customer at `now`."""
    return (holds.c.state == "held") & (holds.c.expires_at <= bindparam("now")) & ~_settles(holds)


def delete_overdue(holds: sa.Table, where: Callable[[sa.FromClause], sa.ColumnElement[bool]]) -> sa.Delete:
    """Return the statement that deletes the overdue holds at some places.

    A hold that another transaction works on is left alone: it may be extended by an order that then waits for the lock
    of this one's service.
    """
    overdue, place = holds.alias("overdue"), holds.primary_key.columns
    free_to_take = sa.select(*[overdue.c[each.name] for each in place]).where(where(overdue), is_overdue(overdue))
    chosen = sa.tuple_(*place).in_(free_to_take.with_for_update(of=overdue, skip_locked=True))
    return delete(holds).where(where(holds), chosen)


def _settles(holds: sa.FromClause) -> sa.ColumnElement[bool]:
    """Return the condition for a hold of an order whose settlement has begun and has no recorded outcome."""
    begun = (_RECORDS.c.step == str(StepName.SETTLE_PRICE_DIFFERENCE)) & (_RECORDS.c.state == "started")
    of_order = _RESERVATIONS.join(_RECORDS, _RECORDS.c.order_number == _RESERVATIONS.c.order_number)
    held = sa.select(_RESERVATIONS.c.id).select_from(of_order).where(_RESERVATIONS.c.key == holds.c.key, begun)
    return held.correlate(holds).exists()


class HoldStatements:
    """The statements on one table of holds. They run for every change, so each is built once."""

    def __init__(self, holds: sa.Table) -> None:
        of_tenant = holds.c.tenant == bindparam("of_tenant")
        referenced = (of_tenant, holds.c.reference.in_(bindparam("references", expanding=True)))
        shorter = (holds.c.state == "held") & (holds.c.expires_at < bindparam("until"))
        longest = case((shorter, bindparam("until")), else_=holds.c.expires_at)
        self._extend = update(holds).where(*referenced).values(expires_at=longest)
        self._sell = update(holds).where(*referenced).values(state="confirmed", expires_at=None)
        self._release = delete(holds).where(*referenced)
        self._release_key = delete(holds).where(of_tenant, holds.c.key == bindparam("of_key"))

    def extend(self, tx: Session, tenant: str, references: Sequence[str], until: datetime) -> bool:
        """Extend holds to last at least until a time; return whether all of them exist."""
        return self._find_all(tx, self._extend, tenant, references, until=until)

    def sell(self, tx: Session, tenant: str, references: Sequence[str]) -> bool:
        """Sell what is held; return whether all of it exists."""
        return self._find_all(tx, self._sell, tenant, references)

    def release(self, tx: Session, tenant: str, references: Sequence[str]) -> None:
        """Release holds; those that no longer exist are left alone."""
        if references:
            tx.connection().execute(self._release, _of(tenant, references))

    def release_key(self, tx: Session, tenant: str, key: str) -> None:
        """Release everything held under a key."""
        tx.connection().execute(self._release_key, {"of_tenant": tenant, "of_key": key})

    def _find_all(
        self, tx: Session, change: sa.Update, tenant: str, references: Sequence[str], **values: datetime
    ) -> bool:
        if not references:
            return True
        found = tx.connection().execute(change, values | _of(tenant, references))
        return bool(found.rowcount == len(set(references)))


def _of(tenant: str, references: Sequence[str]) -> dict[str, object]:
    return {"of_tenant": tenant, "references": list(references)}
