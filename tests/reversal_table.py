"""Prints a table of reversals during which the worker was killed, with all books: python -m tests.reversal_table.

It takes about ten minutes. Each row has the order, the captures and refunds of its payments in minor units by our
ledger and by the bank, and how many seats and units the inventory has under its keys, before and after.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.support.installation import prepare_database
from tests.support.reversal_runs import KILLS, OUTSIDE, RUNS, Books, Played, play_killed, running_installation
from tests.support.temporal_server import temporal_server


def _money(books: list[tuple[int, int]]) -> str:
    return " ".join(f"{captured}-{refunded}" for captured, refunded in books) or "none"


def _row(names: tuple[str, ...], played: Played) -> str:
    def cells(books: Books) -> str:
        return f"{books.status} v{books.version}; {_money(books.ours)}; {_money(books.bank)}; {len(books.inventory)}"

    result = "whole" if played.whole else "NOT WHOLE"
    ended = f"{played.change[0]} {played.change[1]}"
    return f"| {' | '.join(names)} | {cells(played.before)} | {cells(played.after)} | {ended} | {result} |"


async def _print_table(folder: Path) -> None:
    sys.stdout.write(
        "| outside | change | killed | before: order; ours; bank; seats | after | change ended | result |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    async with temporal_server() as server:
        for which, outside in OUTSIDE.items():
            place = folder / which
            place.mkdir()
            name = f"reversal-killed-{which}-sqlite"
            url = f"sqlite:///{place / 'table.db'}"
            async with running_installation(
                prepare_database(url), server.address, name, place, outside
            ) as installation:
                for run in RUNS:
                    for moment, step, fault in KILLS:
                        played = await play_killed(installation, run, step, fault)
                        sys.stdout.write(f"{_row((which, getattr(run, '__name__', ''), moment), played)}\n")
                        sys.stdout.flush()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(_print_table(Path(name)))
