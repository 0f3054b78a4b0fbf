"""`make bench`: what a change costs, on a fresh and tuned server, through HTTP, one after the other.

CPU time is sampled per process and divided by the changes; of the wall times the median is quoted.
Wall times of a shared machine say little; compare runs of one day by their ratios.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from temporalio.client import Client

from cli.answers import Json
from cli.shop import Shop
from cli.stack import Ports, Stack
from cli.stories import CARD, add, named, replace
from telemetry.loopback import free_port
from workflows.names import draft_id

CHANGES = 40
WARM_UP = 5
ONE = ({"id": "maria", "birth_date": "1990-05-04"},)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What one kind of change cost."""

    name: str
    p50_ms: float
    worst_ms: float
    cpu_ms: Mapping[str, float]
    events: int
    kilobytes: float


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """Return the CPU time each process has used so far."""
    used = {}
    for child in stack.children:
        if child.process is not None:
            fields = Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
            used[child.name] = (int(fields[11]) + int(fields[12])) / TICKS
    return used


def measure(stack: Stack, name: str, act: Callable[[str, int], Json], orders: list[str]) -> Measured:
    """Run one kind of change on each order and say what it cost."""
    times: list[float] = []
    before: dict[str, float] = {}
    for number, order in enumerate(orders):
        if number == WARM_UP:
            before = cpu_seconds(stack)
        started = time.perf_counter()
        change = act(order, number)
        if number >= WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
        if change["state"] != "done":
            raise SystemExit(f"{name}: {change['state']}")
    after = cpu_seconds(stack)
    events, size = asyncio.run(_history(stack, orders[-1]))
    cpu = {each: (after[each] - before[each]) * 1000 / len(times) for each in after}
    return Measured(name, statistics.median(times), max(times), cpu, events, size / 1000)


async def _history(stack: Stack, order: str) -> tuple[int, int]:
    handle = (await Client.connect(stack.temporal)).get_workflow_handle(draft_id(order))
    history = await handle.fetch_history()
    return len(history.events), sum(event.ByteSize() for event in history.events)


def _train(number: int, line: str) -> str:
    day = datetime.now(UTC).date() + timedelta(days=2 + number % 50)  # noqa: TID251 - the shop's own calendar
    return f"{line}-{day}"


def run(stack: Stack, shop: Shop) -> list[Measured]:
    """Measure a sale in one go, a dearer change in one go, and a change of a draft."""
    count = CHANGES + WARM_UP
    orders = [shop.order("NOK", "bench") for _ in range(count)]
    firsts = [shop.offer("standard", ONE, service=_train(number, "4711")) for number in range(count)]
    others = [shop.offer("flexible", ONE, service=_train(number, "4713")) for number in range(count)]
    backs = [shop.offer("flexible", ONE, service=_train(number, "4711")) for number in range(count)]

    def sell(order: str, number: int) -> Json:
        return _post(shop, order, add(firsts[number], named(ONE)), in_one_go=True)

    def dearer(order: str, number: int) -> Json:
        return _post(shop, order, replace([f"{order}-1"], others[number]), in_one_go=True)

    def drafted(order: str, number: int) -> Json:
        return _post(shop, order, replace([f"{order}-1"], backs[number]), in_one_go=False)

    return [
        measure(stack, "sale in one go", sell, orders),
        measure(stack, "dearer change in one go", dearer, orders),
        measure(stack, "change into a draft", drafted, orders),
    ]


def _post(shop: Shop, order: str, operation: Json, *, in_one_go: bool) -> Json:
    more = {"confirm": True, "payment": CARD} if in_one_go else {}
    return shop.run(f"/v1/orders/{order}/changes", {"operations": [operation], **more})


def main() -> None:
    """Print what changes cost; write it as JSON to a file named on the command line."""
    with tempfile.TemporaryDirectory(prefix="changeover-bench-") as data:
        ports = Ports(temporal=free_port(), web_ui=free_port(), api=free_port())
        with Stack(Path(data), ports) as stack:
            shop = Shop(stack.api)
            results = run(stack, shop)
            shop.close()
    table = Table("change", "p50 ms", "worst ms", "CPU ms", "of it", "events", "kB", title=f"{CHANGES} changes each")
    for each in results:
        parts = ", ".join(f"{name} {used:.0f}" for name, used in each.cpu_ms.items())
        total = f"{sum(each.cpu_ms.values()):.0f}"
        row = (f"{each.p50_ms:.0f}", f"{each.worst_ms:.0f}", total, parts, str(each.events), f"{each.kilobytes:.1f}")
        table.add_row(each.name, *row)
    Console().print(table)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps([each.__dict__ for each in results], indent=2))


if __name__ == "__main__":
    main()
