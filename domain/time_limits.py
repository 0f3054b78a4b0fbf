"""Until when a draft may do what it does: give up its lines, add its lines, correct its names (rules T1, T2 and T4).

Each limit is an instant from which a rule refuses. They are looked at when a change is planned, in the confirmation's
plan, and, as the order's earliest one, in the settling step before money moves.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from domain.model import Instant, Model
from domain.offers import Service
from domain.orders import Order, OrderLine
from domain.projection import Line, Projection
from domain.refusals import (
    DeadlineTooLate,
    NotReturnable,
    Refusal,
    ServiceDeparted,
    ValidityOver,
    ValidityStarted,
    all_refusals,
)
from domain.terms import ReturnableUntil, SoldUntil

_AT_ONCE = datetime(1, 1, 1, tzinfo=UTC)
_NAMES = ("given_name", "family_name", "birth_date")
Services = Mapping[str, Service]


class TimeLimit(Model):
    """An instant from which something about a line is refused, with the code of the refusal."""

    at: Instant
    code: str
    line: str

    def refusal(self) -> Refusal:
        """Return the refusal that holds from the instant on."""
        return all_refusals()[self.code]({"line": self.line})


class DeadlineCause(StrEnum):
    """What sets the latest deadline of a draft."""

    LINE = "line"
    HOLD = "hold"
    AUTHORISATION = "authorisation"


class LatestDeadline(NamedTuple):
    """The latest deadline that a draft allows, with what sets it."""

    at: datetime
    cause: DeadlineCause
    line: str | None = None

    def check(self, deadline: datetime) -> None:
        """Raise DeadlineTooLate for a later deadline."""
        if deadline > self.at:
            about = {"line": self.line} if self.line else {}
            raise DeadlineTooLate({"latest": self.at.isoformat(), **about})


def limits(order: Order, projection: Projection, services: Services) -> list[TimeLimit]:
    """Return every limit of what a draft does, the earliest first."""
    lines = {line.id: line for line in (*order.lines, *projection.lines)}
    found = [
        *_present(_limit_of_return(each, lines, services) for each in projection.given_up),
        *_present(_limit_of_sale(each, lines, services) for each in projection.taken),
        *_limits_of_names(order, projection, services),
    ]
    return sorted(found, key=lambda limit: (limit.at, limit.line))


def check_limits(found: Iterable[TimeLimit], now: datetime) -> None:
    """Raise the refusal of the first limit that has passed.

    Raises ServiceDeparted, ValidityStarted, ValidityOver and NotReturnable, each with the line.
    """
    for limit in found:
        if now >= limit.at:
            raise limit.refusal()


def _present(found: Iterable[TimeLimit | None]) -> Iterator[TimeLimit]:
    return (each for each in found if each is not None)


def _limit_of_return(line: OrderLine, lines: Mapping[str, Line], services: Services) -> TimeLimit | None:
    """Return until when a sold line may be given up; None for always. A cancelled service never departs."""
    until, carrier = line.terms.returnable_until, lines.get(line.supplement_of or "")
    if until is ReturnableUntil.LINE and carrier is not None:
        until = carrier.terms.returnable_until
    service = services.get(line.service or "")
    if service is not None and service.cancelled:
        return None
    if until is ReturnableUntil.NOT:
        return TimeLimit(at=_AT_ONCE, code=NotReturnable.code, line=line.id)
    # A supplement may say "always" of itself; a line on a service is never given up after its departure.
    own = line.supplement_of is not None and line.terms.returnable_until is ReturnableUntil.ALWAYS
    if until is ReturnableUntil.ALWAYS and (service is None or own):
        return None
    if service is not None:
        return TimeLimit(at=service.departs_at, code=ServiceDeparted.code, line=line.id)
    if until is ReturnableUntil.END:
        return _until_end(line)
    return TimeLimit(at=line.valid_from, code=ValidityStarted.code, line=line.id)


def _limit_of_sale(line: Line, lines: Mapping[str, Line], services: Services) -> TimeLimit | None:
    """Return until when a line may be added; None for always."""
    service = services.get(line.service or "")
    if service is not None:
        at = None if service.cancelled else service.departs_at
        return TimeLimit(at=at, code=ServiceDeparted.code, line=line.id) if at else None
    until, carrier = line.terms.sold_until, lines.get(line.supplement_of or "")
    if until is SoldUntil.LINE and carrier is not None:
        until = carrier.terms.sold_until
    if until is SoldUntil.ALWAYS:
        return None
    if until is SoldUntil.START:
        return TimeLimit(at=line.valid_from, code=ValidityOver.code, line=line.id)
    return _until_end(line)


def _until_end(line: Line) -> TimeLimit | None:
    return TimeLimit(at=line.valid_until, code=ValidityOver.code, line=line.id) if line.valid_until else None


def _limits_of_names(order: Order, projection: Projection, services: Services) -> Iterator[TimeLimit]:
    """Yield until when the draft's changes of travellers' details hold (rule T4).

    A known name or birth date holds until the first of the traveller's confirmed lines departs or starts; anything
    else as long as one of their lines is unconfirmed or still to come.
    """
    for before in order.confirmed_travellers:
        after = projection.travellers.get(before.id)
        confirmed = [line for line in order.confirmed_lines if before.id in line.travellers and not line.supplement_of]
        if after is None or after == before or not confirmed:
            continue
        starts = list(_present(_start(line, services) for line in confirmed))
        if any(_is_other(getattr(before, name), getattr(after, name)) for name in _NAMES):
            yield from sorted(starts, key=lambda limit: limit.at)[:1]
        elif len(starts) == len(confirmed) and not any(before.id in line.travellers for line in projection.taken):
            yield max(starts, key=lambda limit: limit.at)


def _is_other(known: object, new: object) -> bool:
    return known is not None and new != known


def _start(line: OrderLine, services: Services) -> TimeLimit | None:
    service = services.get(line.service or "")
    if service is None:
        return TimeLimit(at=line.valid_from, code=ValidityStarted.code, line=line.id)
    return None if service.cancelled else TimeLimit(at=service.departs_at, code=ServiceDeparted.code, line=line.id)
