"""The program of a seed: which client sends which request when, and which process is killed when.

The same seed gives the same program with the same keys. It does not decide how real processes interleave: a kill may
interrupt a request in one run and miss it in the next.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count
from random import Random
from typing import Any

CLIENTS = 6
OWN_ORDERS = 4
"""Orders of each client alone: half of them in kroner, half in francs."""
SHARED_ORDERS = 3
"""Orders in kroner that all clients change at once."""
SCARCE_TRAINS = 2
THINK_SECONDS = 1.0
"""The longest time between two acts of a client."""
QUIET_SECONDS = 4.0
"""Time before the first kill, so that changes are in progress."""


class Kind(StrEnum):
    """What a client requests of an order, or an operator does to its run."""

    SALE = "sale"
    CHANGE = "change"
    IN_ONE_GO = "change in one go"
    ADD = "add"
    REMOVE = "remove"
    PAY = "payment"
    CONFIRM = "confirm"
    DISCARD = "discard"
    DEADLINE = "deadline"
    CANCEL = "cancel of the run"
    TERMINATE = "run terminated"


class Through(StrEnum):
    """The API that a request goes through."""

    NATIVE = "native"
    ENTUR = "Entur"
    DISCOVER = "discover.swiss"


class Again(StrEnum):
    """Whether and when a request is sent a second time, under the same key."""

    NO = "no"
    AT_ONCE = "at once"
    LATER = "later"


class Part(StrEnum):
    """The process that is broken, and how."""

    WORKER = "worker killed"
    PAUSE = "worker paused"
    API = "API killed"
    TEMPORAL = "Temporal killed"
    POSTGRES = "PostgreSQL killed"


_WEIGHTS = {
    Kind.SALE: 12,
    Kind.CHANGE: 26,
    Kind.IN_ONE_GO: 22,
    Kind.ADD: 8,
    Kind.REMOVE: 4,
    Kind.PAY: 8,
    Kind.CONFIRM: 14,
    Kind.DISCARD: 8,
    Kind.DEADLINE: 4,
    Kind.CANCEL: 1,
    Kind.TERMINATE: 2,
}
_SHARED_BUT = (Kind.SALE,)


@dataclass(frozen=True)
class Act:
    """One request of a client, sent once its previous one is answered and not before its time `at`, in seconds."""

    key: str
    at: float
    client: int
    order: int
    """Orders below SHARED_ORDERS are shared by all clients."""
    kind: Kind
    facade: bool
    """Whether to use Entur's API for orders in kroner, discover.swiss's for francs, where they support the request."""
    scarce: int | None
    """The scarce train that many clients compete for; None for a train of this order alone."""
    flexible: bool
    party: int
    declined: bool
    refund: bool
    in_background: bool
    seconds: int
    again: Again
    later_by: int
    """The number of acts after which the request is sent again."""

    @property
    def francs(self) -> bool:
        """Whether the order is in francs: every other one of a client's own orders."""
        return self.order >= SHARED_ORDERS and (self.order - SHARED_ORDERS) % 2 == 1

    @property
    def through(self) -> Through:
        """The API that the request goes through."""
        if not self.facade or self.kind is Kind.IN_ONE_GO:
            return Through.NATIVE
        return Through.DISCOVER if self.francs else Through.ENTUR


@dataclass(frozen=True)
class Kill:
    """One process to kill or pause at one moment; times in seconds."""

    at: float
    part: Part
    pause: float


@dataclass(frozen=True)
class Program:
    """Everything that a seed decides."""

    seed: int
    seconds: float
    clients: tuple[tuple[Act, ...], ...]
    kills: tuple[Kill, ...]
    last: Act
    """A sale after everything else, of seats that no other request takes: it must succeed."""

    @property
    def digest(self) -> str:
        """A short hash: two runs with the same digest had the same program."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:12]


def program(seed: int, minutes: float, parts: tuple[Part, ...]) -> Program:
    """Return the program of a seed. Each client has its own random stream, so its acts do not depend on others'."""
    seconds = minutes * 60
    clients = tuple(tuple(_acts(seed, client, seconds)) for client in range(CLIENTS))
    first = _act(Random(f"{seed} last"), f"{seed}-last-0", seconds, 0)
    fixed: dict[str, Any] = {"kind": Kind.SALE, "facade": False, "scarce": None, "declined": False, "again": Again.NO}
    last = replace(first, order=SHARED_ORDERS + CLIENTS * OWN_ORDERS, in_background=False, **fixed)
    return Program(seed, seconds, clients, _kills(Random(f"{seed} kills"), seconds, parts), last)


def own_orders(client: int) -> range:
    """Return the numbers of a client's own orders."""
    first = SHARED_ORDERS + client * OWN_ORDERS
    return range(first, first + OWN_ORDERS)


def _acts(seed: int, client: int, seconds: float) -> list[Act]:
    dice, acts, at = Random(f"{seed} client {client}"), [], 0.0
    for number in count():
        at += dice.uniform(0, THINK_SECONDS)
        if at >= seconds:
            break
        acts.append(_act(dice, f"{seed}-{client}-{number}", at, client))
    return acts


def _act(dice: Random, key: str, at: float, client: int) -> Act:
    order = dice.choice([*range(SHARED_ORDERS), *own_orders(client), *own_orders(client)])
    kinds = [kind for kind in Kind if order >= SHARED_ORDERS or kind not in _SHARED_BUT]
    (kind,) = dice.choices(kinds, [_WEIGHTS[kind] for kind in kinds])
    return Act(
        key=key,
        at=at,
        client=client,
        order=order,
        kind=kind,
        facade=dice.random() < 0.5,
        scarce=dice.randrange(SCARCE_TRAINS) if dice.random() < 0.4 else None,
        flexible=dice.random() < 0.5,
        party=dice.choice((1, 1, 2, 2, 3)),
        declined=dice.random() < 0.12,
        refund=dice.random() < 0.7,
        in_background=dice.random() < 0.2,
        seconds=dice.choice((4, 8, 1800)),
        again=dice.choices(tuple(Again), (78, 12, 10))[0],
        later_by=dice.randint(1, 8),
    )


def _kills(dice: Random, seconds: float, parts: tuple[Part, ...]) -> tuple[Kill, ...]:
    """Return every kind of kill once a minute in random order, and one more soon after one of them."""
    kills: list[Kill] = []
    begin = 0.0
    while begin < seconds:
        length = min(60.0, seconds - begin)
        slot = (length - QUIET_SECONDS) / len(parts)
        for number, part in enumerate(dice.sample(parts, len(parts))):
            at = begin + QUIET_SECONDS + slot * (number + dice.uniform(0.1, 0.7))
            kills.append(Kill(at, part, dice.uniform(2, 5)))
        double = dice.choice(kills[-len(parts) :])
        kills.append(Kill(double.at + dice.uniform(0.1, 1.5), dice.choice(parts), dice.uniform(2, 5)))
        begin += 60.0
    return tuple(sorted(kills, key=lambda kill: kill.at))
