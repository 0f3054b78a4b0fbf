"""Marks services of the embedded catalogue as cancelled."""

from collections.abc import Sequence

from sqlmodel import col, select

from domain.model import is_code
from store.database.store import Store
from store.tables import ServiceRow


class UnknownServicesError(Exception):
    """Some of the services named do not exist."""

    def __init__(self, services: Sequence[str]) -> None:
        super().__init__("unknown services")
        self.services = tuple(services)


def mark_cancelled(store: Store, tenant: str, services: Sequence[str], *, cancelled: bool) -> list[str]:
    """Mark services as cancelled, or take the mark off; return those that change.

    Raises UnknownServicesError before any is marked.
    """
    with store.write() as tx:
        named = (ServiceRow.tenant == tenant, col(ServiceRow.id).in_([each for each in services if is_code(each)]))
        rows = tx.exec(select(ServiceRow).where(*named).order_by(col(ServiceRow.id)).with_for_update()).all()
        unknown = sorted(set(services) - {row.id for row in rows})
        if unknown:
            raise UnknownServicesError(unknown)
        changed = [row for row in rows if row.cancelled is not cancelled]
        for row in changed:
            row.cancelled = cancelled
        return [row.id for row in changed]
