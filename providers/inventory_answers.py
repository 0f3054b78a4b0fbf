"""Compares what an inventory answers with what was requested: a provider's answer is believed only where it agrees.

Every function raises ProviderAnswerWrongError, whose sentence names what differs by the provider's own words only where
they are harmless: never the answered values, which may be anything.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from providers.errors import ProviderAnswerWrongError, ProviderPendingError
from providers.protocols import ActState, CountsFreePlaces, Held, HeldSeat, HeldUnit, HoldRequest, SeatRequest

REFERENCE_LENGTH = 100
"""The longest reference that our database stores, in characters."""
LARGEST_NUMBER = 2**31 - 1
"""The largest number of a coach or seat: no train has more, and every database stores it."""


def check_held(requests: Sequence[HoldRequest], held: Sequence[Held], now: datetime) -> None:
    """Compare what an inventory answers to `hold` with its requests.

    Service, item, day and count must be those requested, in their order; seats requested by name must be those; no
    seat and no reference occurs twice; references, numbers and ends must be such as can be kept.
    """
    if not _is_list(held):
        raise ProviderAnswerWrongError("the answer is no list")
    expected = list(_places(requests))
    if len(held) != len(expected):
        raise ProviderAnswerWrongError(f"{len(expected)} were requested, {len(held)} are answered")
    for (request, name), each in zip(expected, held, strict=True):
        _check_place(request, name, each)
        _check_reference(each.reference)
        check_end(each.until, now)
    _check_distinct(held)


def check_end(until: datetime | None, now: datetime) -> None:
    """Check the end of a hold that an inventory answers: a time to come, with its time zone; None: as requested."""
    if until is None:
        return
    if not _is_aware(until):
        raise ProviderAnswerWrongError("the end of a hold is no time with its zone")
    if until <= now:
        raise ProviderAnswerWrongError("the hold has ended already")


def check_done(state: ActState) -> None:
    """Check that an inventory has done a sale or a release. Raises ProviderPendingError if it has only accepted it."""
    if state is ActState.PENDING:
        raise ProviderPendingError("accepted and not done yet")
    if state is not ActState.DONE:
        raise ProviderAnswerWrongError("the inventory says neither done nor pending")


def read_free_counts(
    inventory: CountsFreePlaces, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]
) -> list[int | None]:
    """Ask an inventory what is free for some requests, and check that it answers a count or None for each.

    Raises ProviderUnavailableError, of which ProviderAnswerWrongError is one: a wrong count is as good as none.
    """
    counts = inventory.free(tenant, requests, own)
    if not _is_list(counts) or len(counts) != len(requests):
        raise ProviderAnswerWrongError("the counts of what is free are not one for each request")
    if not all(count is None or (_is_number(count) and count >= 0) for count in counts):
        raise ProviderAnswerWrongError("a count of what is free is no number")
    return list(counts)


def _places(requests: Sequence[HoldRequest]) -> Iterator[tuple[HoldRequest, str | None]]:
    """Yield the request of each place that is to be answered, with the seat's name if it was requested by name."""
    for request in requests:
        names = request.names if isinstance(request, SeatRequest) else ()
        yield from ((request, name) for name in names or [None] * request.count)


def _check_place(request: HoldRequest, name: str | None, held: Held) -> None:
    if isinstance(request, SeatRequest):
        if not isinstance(held, HeldSeat):
            raise ProviderAnswerWrongError("a seat was requested, something else is answered")
        if held.service != request.service:
            raise ProviderAnswerWrongError("a seat is on another service than requested")
        if not all(_is_number(number) and 0 < number <= LARGEST_NUMBER for number in (held.coach, held.seat)):
            raise ProviderAnswerWrongError("a seat or its coach has no number")
        if name is not None and _position(name) != (held.coach, held.seat):
            raise ProviderAnswerWrongError("a seat is another one than requested by name")
    elif not isinstance(held, HeldUnit):
        raise ProviderAnswerWrongError("a unit was requested, something else is answered")
    elif (held.item, held.service, held.day) != (request.item, request.service, request.day):
        raise ProviderAnswerWrongError("a unit is of another item, service or day than requested")


def _check_reference(reference: str) -> None:
    if not _is_text(reference):
        raise ProviderAnswerWrongError("a reference is no text")
    if len(reference) > REFERENCE_LENGTH:
        raise ProviderAnswerWrongError("a reference is too long")


def _check_distinct(held: Sequence[Held]) -> None:
    if len({each.reference for each in held}) < len(held):
        raise ProviderAnswerWrongError("a reference is answered twice")
    seats = [(each.service, each.coach, each.seat) for each in held if isinstance(each, HeldSeat)]
    if len(set(seats)) < len(seats):
        raise ProviderAnswerWrongError("a seat is answered twice")


def _position(name: str) -> tuple[int, int]:
    coach, _, seat = name.partition("-")
    return int(coach), int(seat)


# The types of an answer are what its adapter declares, not what it got; so these take anything.


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_aware(value: object) -> bool:
    return isinstance(value, datetime) and value.utcoffset() is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
