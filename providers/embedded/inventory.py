"""The inventory on our own database: one row per seat or unit that is held or sold."""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate

import sqlalchemy as sa
from sqlalchemy import bindparam
from sqlmodel import Session

from providers.embedded import seat_holds, stock_holds
from providers.embedded.found_holds import find_hold
from providers.embedded.free_places import count_free
from providers.embedded.hold_statements import HoldStatements, number_of, split
from providers.errors import HoldIsGoneError, NoSeatsLeftError, NoStockLeftError
from providers.protocols import ActState, FoundHold, Held, HoldRequest, SeatRequest, StockRequest
from store.database.inserts import table_of
from store.database.store import Store
from store.tables import SeatHoldRow, ServiceRow, StockHoldRow

_SEATS, _STOCK = HoldStatements(table_of(SeatHoldRow)), HoldStatements(table_of(StockHoldRow))
_SERVICES = table_of(ServiceRow)
# Run for every change that holds something on a service, so the statement is built once.
_LOCK_SERVICE = (
    sa.select(_SERVICES.c.id)
    .where(_SERVICES.c.tenant == bindparam("of_tenant"), _SERVICES.c.id == bindparam("on"))
    .with_for_update()
)


class EmbeddedInventory:
    """Holds by inserting a row for each seat and unit; their primary keys make it impossible to sell one twice.

    Rows are locked in one order, so that two transactions never wait for each other: services, seats, items, units.
    What concerns seats only runs no statement for units, except that the release of a key looks for both.
    """

    external = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats and units, all or none. Concurrent requests for one service or item wait for each other."""
        firsts = accumulate((request.count for request in requests), initial=1)
        numbered = list(zip(firsts, requests, strict=False))
        seats = [(first, each) for first, each in numbered if isinstance(each, SeatRequest)]
        stock = [(first, each) for first, each in numbered if isinstance(each, StockRequest)]
        with self._store.write() as tx:
            earlier: list[Held] = [
                *(seat_holds.under_key(tx, tenant, key) if seats else ()),
                *(stock_holds.under_key(tx, tenant, key, stock) if stock else ()),
            ]
            if earlier:
                return _in_order(earlier)
            _lock_services(tx, tenant, requests)
            now = self._store.now()
            held_seats = seat_holds.hold(tx, tenant, key, seats, now, until)
            return _in_order([*held_seats, *stock_holds.hold(tx, tenant, key, stock, now, until)])

    def find(self, tenant: str, key: str) -> FoundHold:
        """Return what is held or sold under a key, exactly; the step's record says whether the key was withdrawn."""
        with self._store.read() as tx:
            return find_hold(tx, tenant, key, self._store.now())

    def release(self, tenant: str, key: str) -> ActState:
        """Release what is held under a key. The step's record prevents the key from being used again."""
        with self._store.write() as tx:
            _SEATS.release_key(tx, tenant, key)
            _STOCK.release_key(tx, tenant, key)
        return ActState.DONE

    def release_references(self, tenant: str, references: Sequence[str]) -> ActState:
        """Release these seats and units; those that are already free are left alone."""
        if references:
            seats, units = split(references)
            with self._store.write() as tx:
                _SEATS.release(tx, tenant, seats)
                _STOCK.release(tx, tenant, units)
        return ActState.DONE

    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> datetime | None:
        """Extend holds to last at least until a time; they always do."""
        seats, units = split(references)
        with self._store.write() as tx:
            if not (_SEATS.extend(tx, tenant, seats, until) and _STOCK.extend(tx, tenant, units, until)):
                raise HoldIsGoneError
        return None

    def confirm(self, tenant: str, key: str, taken: Sequence[str], given_up: Sequence[str]) -> ActState:
        """Sell what is `taken` and release what is `given_up` in one transaction."""
        (taken_seats, taken_units), (free_seats, free_units) = split(taken), split(given_up)
        with self._store.write() as tx:
            seats_sold = _SEATS.sell(tx, tenant, taken_seats)
            _SEATS.release(tx, tenant, free_seats)
            if not (seats_sold and _STOCK.sell(tx, tenant, taken_units)):
                raise HoldIsGoneError
            _STOCK.release(tx, tenant, free_units)
        return ActState.DONE

    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        """Return what is free for each request."""
        with self._store.read() as tx:
            return count_free(tx, tenant, requests, own, self._store.now())


def _lock_services(tx: Session, tenant: str, requests: Sequence[HoldRequest]) -> None:
    """Lock the services of requests. Raises NoSeatsLeftError or NoStockLeftError for an unknown one."""
    on_service = {each.service: each for each in reversed(requests) if each.service}
    # Always in the same order: two changes that lock two services each would otherwise deadlock.
    for service, request in sorted(on_service.items(), key=lambda each: each[0]):
        if tx.connection().execute(_LOCK_SERVICE, {"of_tenant": tenant, "on": service}).one_or_none() is None:
            if isinstance(request, SeatRequest):
                raise NoSeatsLeftError(service)
            raise NoStockLeftError(request.item, service)


def _in_order(held: list[Held]) -> list[Held]:
    return sorted(held, key=lambda each: number_of(each.reference))
