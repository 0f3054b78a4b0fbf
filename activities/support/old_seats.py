"""Asks an inventory which seats and units it still has for an order, by what is free with and without them."""

from collections.abc import Sequence
from typing import NamedTuple

from providers.errors import ProviderUnavailableError
from providers.inventory_answers import read_free_counts
from providers.protocols import CountsFreePlaces, HoldRequest, SeatRequest, StockRequest
from store.orders.reservations import KeptReservation

MAX_COUNTS = 3
"""How often it is asked for its counts while other customers buy."""


def are_old_seats_kept(inventory: CountsFreePlaces, tenant: str, given_up: Sequence[KeptReservation]) -> bool:
    """Whether the seats and units that a change gives up are known to be the order's still.

    Nothing else of the confirmed version can have been released by it.

    An external inventory is asked what is free with and without them: what it does not know as ours makes no
    difference. It must not be called within a transaction.
    """
    if not given_up or not inventory.external:
        return True
    return all(_count(given_up, each) == kept for each, kept in _kept(inventory, tenant, given_up))


class Holds(NamedTuple):
    """Seats and units that an order holds."""

    seats: list[KeptReservation]
    units: list[KeptReservation]


def find_gone(inventory: CountsFreePlaces, tenant: str, held: Sequence[KeptReservation]) -> Holds:
    """Return what has to be held anew of what an order holds, after the inventory has said that some of it is gone.

    Those are all seats on a service of which one is gone or none is known, and units likewise if one is known to be
    gone; all seats if the inventory now says that nothing is. It must not be called within a transaction.
    """
    gone = Holds([], [])
    for request, kept in _kept(inventory, tenant, held):
        rows = [row for row in held if _is_of(row, request)]
        if isinstance(request, SeatRequest) and kept != len(rows):
            gone.seats.extend(rows)
        elif kept is not None and kept != len(rows):
            gone.units.extend(rows)
    if any(gone):
        return gone
    seats = [row for row in held if row.item is None]
    return Holds(seats, [] if seats else list(held))


def _kept(
    inventory: CountsFreePlaces, tenant: str, rows: Sequence[KeptReservation]
) -> list[tuple[HoldRequest, int | None]]:
    """Return how many of these rows the inventory has, per service of seats and stock of units; None is unknown."""
    requests = _one_of_each(rows)
    own = [row.reference for row in rows]
    for _ in range(MAX_COUNTS):
        try:
            without = read_free_counts(inventory, tenant, requests, [])
            with_own = read_free_counts(inventory, tenant, requests, own)
            again = read_free_counts(inventory, tenant, requests, [])
        except ProviderUnavailableError:
            break
        if without == again:
            counted = zip(requests, with_own, without, strict=True)
            return [(each, None if a is None or b is None else a - b) for each, a, b in counted]
    return [(each, None) for each in requests]


def _one_of_each(rows: Sequence[KeptReservation]) -> list[HoldRequest]:
    seats = dict.fromkeys(row.service for row in rows if row.item is None and row.service)
    units = dict.fromkeys((row.item, row.service, row.day) for row in rows if row.item is not None)
    return [
        *(SeatRequest(service, 1) for service in seats),
        *(StockRequest(item or "", service, day, 1) for item, service, day in units),
    ]


def _count(rows: Sequence[KeptReservation], request: HoldRequest) -> int:
    return sum(_is_of(row, request) for row in rows)


def _is_of(row: KeptReservation, request: HoldRequest) -> bool:
    if isinstance(request, SeatRequest):
        return row.item is None and row.service == request.service
    return (row.item, row.service, row.day) == (request.item, request.service, request.day)
