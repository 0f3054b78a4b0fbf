"""One session on a served stack: all situations, those of one order at once, then those of a whole provider."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tests.support.facade_situations import facades
from tests.support.served_stack import HASTY, Served, running_served
from tests.support.situation_phases import clocks, forgotten_holds, forgotten_money, outlived_holds
from tests.support.situation_runs import Row, check, play_all
from tests.support.situations import Situation, situations

PHASES = {
    "down for longer than a hold lasts": outlived_holds,
    "clock": clocks,
    "railway restored from yesterday's backup": forgotten_holds,
    "bank restored from yesterday's backup": forgotten_money,
}
"""What happens to a whole provider, by the beginning of its situations' names."""


MINUTE = timedelta(seconds=13)
"""How long a provider is down, for a worker that gives a step up after ten seconds instead of sixty."""


def of_one_order(minute: timedelta = MINUTE) -> list[Situation]:
    """Return what happens to one order alone."""
    return [*situations(minute), *facades()]


async def play_everything(
    folder: Path, database: str | None, chosen: Sequence[Situation], worker: Sequence[str] = HASTY
) -> list[Row]:
    """Play these situations of one order, and all of a whole provider; return a row for each, and two for `check`."""
    async with running_served(folder, database, worker) as served:
        rows = await play_all(served, chosen)
        rows.append(await _checked(served, "all orders so far"))
        for phase in PHASES.values():
            rows += await phase(served)
        rows.append(await _checked(served, "all orders"))
        return rows


async def _checked(served: Served, name: str) -> Row:
    """Return the row of `check`, which compares every payment and every seat of all orders."""
    code, found = await check(served)
    return Row(name, "check", "agree", "agree" if code == 0 else "differ", "", wrong=[what for _, what in found])
