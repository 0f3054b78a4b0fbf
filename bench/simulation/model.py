"""Changes on their way through everything they need, and what became of them.

Service times are exponential around their means, which is harsher than what was measured: real ones vary less.
Only what is occupied one at a time is modelled; the disk, the network and pauses of the machine are not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench.simulation.engine import Act, Clock, Station, percentile
from bench.simulation.inputs import API, HISTORY, POSTGRES, PROVIDER, RESOURCES, WORKER, Inputs
from bench.simulation.orders import Turns

HOT = -1
"""The order that everybody wants."""
_WARM_UP = 0.1


@dataclass(frozen=True)
class Outcome:
    """What came of changes that arrived at one rate."""

    rate: float
    throughput: float
    """Changes done a second, while more arrived."""
    used: Mapping[str, float]
    """The share of each resource that was busy."""
    p50_wait: float
    p99_wait: float
    """Seconds a change that was done did not spend being served."""
    refused: float
    """The share that got no turn."""
    hot_refused: float
    """The same of those that wanted the hot order."""
    ended: int
    asked: int
    most_waiting: int


@dataclass
class _Counts:
    done_at: list[float] = field(default_factory=list)
    refused: int = 0
    hot: int = 0
    hot_refused: int = 0
    waits: list[float] = field(default_factory=list)


class _Model:
    def __init__(self, inputs: Inputs, seed: int, then: Act = lambda: None) -> None:
        self.clock = Clock(seed)
        self._then = then
        self.turns = Turns(self.clock, inputs)
        self.counts = _Counts()
        self._inputs = inputs
        self._seconds = inputs.seconds()
        servers = inputs.servers()
        self._stations = {name: Station(self.clock, servers[name]) for name in RESOURCES if name != HISTORY}
        self._shards = [Station(self.clock, 1) for _ in range(inputs.shards)]

    def arrive(self) -> None:
        order = HOT if self.clock.chance() < self._inputs.hot_share else self.clock.one_of(self._inputs.orders)
        self.counts.hot += order == HOT
        came, asks = self.clock.now, self.clock.about(self._seconds[API])
        self._stations[API].serve(asks, lambda: self._ask(order, came, asks))

    def _ask(self, order: int, came: float, asks: float) -> None:
        visits = list(self._visits(order))
        served = asks + sum(seconds for _, seconds in visits)
        ways = iter(visits)

        def go_on() -> None:
            for station, seconds in ways:
                station.serve(seconds, go_on)
                return
            self.counts.done_at.append(self.clock.now)
            self.counts.waits.append(self.clock.now - came - served)
            self.turns.done(order)
            self._then()

        self.turns.ask(order, go_on, lambda: self._refuse(order))

    def _refuse(self, order: int) -> None:
        self.counts.refused += 1
        self.counts.hot_refused += order == HOT
        self._then()

    def _visits(self, order: int) -> Iterator[tuple[Station, float]]:
        """Yield what a change needs, in order: its steps, with the provider before the last three."""
        steps, seconds, about = self._inputs.steps, self._seconds, self.clock.about
        shard = self._shards[order % len(self._shards)]
        for step in range(steps):
            if step == max(steps - 3, 0) and seconds[PROVIDER]:
                yield self._stations[PROVIDER], about(seconds[PROVIDER])
            for station, name in (
                (self._stations[WORKER], WORKER),
                (self._stations[POSTGRES], POSTGRES),
                (shard, HISTORY),
            ):
                if seconds[name]:
                    yield station, about(seconds[name] / steps)

    def busy(self) -> dict[str, float]:
        """Return the seconds each resource was busy."""
        found = {name: station.busy for name, station in self._stations.items()}
        return found | {HISTORY: sum(shard.busy for shard in self._shards)}


def simulate(inputs: Inputs, rate: float, changes: int = 10_000, seed: int = 1) -> Outcome:
    """Let so many changes arrive at a rate. The first tenth is to warm up and is not counted."""
    model = _Model(inputs, seed)
    came = 0.0
    for _ in range(changes):
        came += model.clock.about(1 / rate)
        model.clock.after(came, model.arrive)
    warm = came * _WARM_UP
    model.clock.run(warm)
    model.counts.waits = []
    busy_before = model.busy()
    model.clock.run(came)
    lasted, busy = came - warm, model.busy()
    model.clock.run()
    counts, servers = model.counts, inputs.servers()
    return Outcome(
        rate=rate,
        throughput=sum(warm < at <= came for at in counts.done_at) / lasted,
        used={name: (busy[name] - busy_before[name]) / lasted / servers[name] for name in RESOURCES},
        p50_wait=percentile(counts.waits, 0.5),
        p99_wait=percentile(counts.waits, 0.99),
        refused=counts.refused / changes,
        hot_refused=counts.hot_refused / max(counts.hot, 1),
        ended=len(counts.done_at) + counts.refused,
        asked=changes,
        most_waiting=model.turns.most,
    )


def crowd(inputs: Inputs, callers: int, changes: int = 10_000, seed: int = 1) -> float:
    """Return the changes done a second for so many callers, each of whom asks again as soon as it is answered.

    That is how `make bench` asks, and what shows a capacity: with arrivals that nobody holds back, and more of
    them than can be served, everything is begun and nothing ends.
    """
    left = changes

    def again() -> None:
        nonlocal left
        if left:
            left -= 1
            model.arrive()

    model = _Model(inputs, seed, again)
    for _ in range(callers):
        again()
    model.clock.run()
    at = model.counts.done_at
    warm, last = int(len(at) * _WARM_UP), len(at) - callers
    return (last - warm) / (at[last - 1] - at[warm - 1])
