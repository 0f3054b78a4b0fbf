"""The questions asked of the simulation: what is full first, what helps, and what one order can bear."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.simulation.inputs import RESOURCES, Inputs
from bench.simulation.model import Outcome, crowd, simulate

TIMES = (1, 10, 100, 1000)
LOADS = (0.5, 0.7, 0.9, 0.95)
HOT_RATES = (0.25, 0.5, 0.75, 1.0, 1.5, 3.0)
BASE = 0.5
"""Once the load: this share of what everything can carry as it is."""
CROWD = 64
"""Callers at once who find out what can be carried."""
ROOM = 0.7
"""How full a resource may be when one plans for it."""


@dataclass(frozen=True)
class Need:
    """What so many times the load asks for."""

    times: int
    rate: float
    load: Mapping[str, float]
    """What it would fill of each resource as it is; above 1 that resource is too small."""
    full: Sequence[str]
    """The resources that are too small, the worst first."""
    servers: Mapping[str, int]
    """How many of each there must be."""
    then: Outcome
    """What those do with it."""


@dataclass(frozen=True)
class Doubled:
    """What twice as much of one resource gives."""

    resource: str
    """Empty for everything as it is."""
    throughput: float
    """With a crowd of callers."""
    p99_wait: float
    """At the load that filled nine tenths of it as it was."""
    busiest: str


def loads(inputs: Inputs, changes: int) -> Iterator[Outcome]:
    """Fill the busiest resource more and more."""
    for share in LOADS:
        yield simulate(inputs, share * inputs.capacity(), changes)


def needs(inputs: Inputs, changes: int, base: float | None = None) -> Iterator[Need]:
    """Ask for many times the load; orders grow with it, as they would with more customers."""
    rate = base or BASE * inputs.capacity()
    for times in TIMES:
        many = rate * times
        load = inputs.load(many)
        full = sorted((name for name in RESOURCES if load[name] > 1), key=lambda name: -load[name])
        now = inputs.servers()
        servers = {name: max(now[name], math.ceil(load[name] * now[name] / ROOM)) for name in RESOURCES}
        enough = replace(inputs.sized(servers), orders=inputs.orders * times)
        yield Need(times, many, load, full, servers, simulate(enough, many, changes))


def doubled(inputs: Inputs, changes: int) -> Iterator[Doubled]:
    """Double one resource after the other."""
    busy = 0.9 * inputs.capacity()
    for resource in ("", *RESOURCES):
        more = inputs.grown(resource, 2) if resource else inputs
        yield Doubled(resource, crowd(more, CROWD, changes), simulate(more, busy, changes).p99_wait, more.busiest())


def hot(inputs: Inputs, changes: int) -> Iterator[tuple[float, Outcome]]:
    """Ask one order more and more often, with everything else idle; rates are shares of what one order can bear."""
    alone = 1 / sum(inputs.seconds().values())
    for share in HOT_RATES:
        yield share, simulate(replace(inputs, hot_share=1.0), share * alone, changes)
