"""Prints how each situation at a provider ended, with both books: python -m tests.provider_situations.

API, worker, Temporal, bank and railway are processes, on SQLite and on PostgreSQL. Each row has what the client was
answered, what the history says besides, what an operator saw and did, and what both books have: captured
and refunded in minor units. It takes about five minutes. With `--minute` the worker has its usual patience, and an
outage lasts for a real minute. Exit code 1: a row did not end as docs/providers.md says.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

from tests.support.postgres import new_database, postgres
from tests.support.served_stack import HASTY, USUAL
from tests.support.situation_runs import Row
from tests.support.situation_session import MINUTE, of_one_order, play_everything
from tests.support.situations import situations

HEADER = ("situation", "act", "database", "ended", "client", "history", "operator", "our book", "their book", "result")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _print(database: str, rows: Sequence[Row]) -> None:
    for row in rows:
        situation, act, *others = row.cells()
        sys.stdout.write(_line([situation, act, database, *others]))
    sys.stdout.flush()


async def _main(folder: Path, databases: Sequence[str], *, minute: bool) -> bool:
    sys.stdout.write(_line(HEADER) + _line(["---"] * len(HEADER)))
    worker, lasts = (USUAL, timedelta(seconds=65)) if minute else (HASTY, MINUTE)
    wrong = 0
    for name in databases:
        with postgres() if name == "postgres" else nullcontext() as server:
            place = folder / name
            place.mkdir()
            url = new_database(server.url, "situations") if server else None
            rows = await play_everything(place, url, situations(lasts) if minute else of_one_order(lasts), worker)
        _print(name, rows)
        wrong += sum(bool(row.wrong) for row in rows)
    return not wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--minute", action="store_true", help="with the worker's usual patience, and outages of a minute"
    )
    parser.add_argument("--database", choices=["sqlite", "postgres"], action="append")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        on = chosen.database or ["sqlite", "postgres"]
        sys.exit(not asyncio.run(_main(Path(temporary), on, minute=chosen.minute)))
