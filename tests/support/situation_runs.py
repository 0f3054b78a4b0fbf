"""Plays situations against a served stack, many orders at once, and compares both books of each afterwards."""

import asyncio
import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from examples.fake_systems.bank_book import BankBook
from tests.support.commands import run
from tests.support.served_stack import Served, railway_book
from tests.support.situation_play import Books, Play, differ
from tests.support.situations import Situation

AT_ONCE = 10


@dataclass
class Row:
    """How a situation ended."""

    situation: str
    act: str
    expected: str
    ended: str
    client: str
    history: str = ""
    attention: str = ""
    ours: Books = field(default_factory=Books)
    theirs: Books = field(default_factory=Books)
    wrong: list[str] = field(default_factory=list)
    """What is not as the page says."""

    def cells(self) -> list[str]:
        """Return the row of the table."""
        books = [str(self.ours), "the same" if self.ours == self.theirs else str(self.theirs)]
        result = "; ".join(self.wrong) or "as the page says"
        return [self.situation, self.act, self.ended, self.client, self.history, self.attention, *books, result]


_numbers = itertools.count(1)


def new_play(served: Served, situation: str) -> Play:
    """Return an order whose requests the wires know."""
    name = f"{next(_numbers)}-{re.sub(r'[^a-z0-9]+', '-', situation.lower())}"[:60]
    play = Play(served, name, f"tok_{name}")
    served.to_bank.name(play.token, name)
    return play


async def play_all(served: Served, chosen: Sequence[Situation]) -> list[Row]:
    """Play situations, each with an order of its own; then read both books once, and judge each order."""
    places = asyncio.Semaphore(AT_ONCE)

    async def played(situation: Situation) -> Judged:
        play = new_play(served, f"{situation.name} {situation.act}")
        async with places:
            return situation.name, situation.act, situation.end, play, await _play(situation, play)

    return await judge(served, await asyncio.gather(*map(played, chosen)))


Judged = tuple[str, str, str, Play, list[str]]
"""A situation's name and act, how it must end, its order, and what was wrong so far."""


async def judge(served: Served, about: Sequence[Judged]) -> list[Row]:
    """Read both books once, and judge each order."""
    railway = await asyncio.to_thread(railway_book, served)
    bank = await asyncio.to_thread(lambda: BankBook(served.bank.book).accounts())
    return [await _row(*each, railway, bank) for each in about]


async def _play(situation: Situation, play: Play) -> list[str]:
    try:
        await situation.play(play)
    except Exception as error:  # noqa: BLE001 - it is a row of the table, too
        return [f"{type(error).__name__}: {error}"]
    finally:
        play.clear()
    if situation.meets_fault and not all(each.met for each in play.armed):
        return ["the fault has not happened"]
    return []


async def _row(situation: str, act: str, end: str, play: Play, wrong: list[str], railway: Any, bank: Any) -> Row:
    row = Row(situation, act, end, "", ", ".join(play.client), wrong=list(wrong))
    row.attention = ", ".join(play.attention)
    if not play.order:
        return row
    row.ended, row.history = await play.ended(), ", ".join(await play.history())
    row.ours, row.theirs = await asyncio.to_thread(play.ours), play.theirs(railway, bank)
    if row.ended != end:
        row.wrong.append(f"{row.ended} instead of {end}")
    row.wrong += differ(row.ours, row.theirs)
    return row


async def check(served: Served) -> tuple[int, list[tuple[str, str]]]:
    """Run `changeover check` in a process of its own; return its exit code, and what violates a check or differs."""
    done = await asyncio.to_thread(run, "check", "--json", environment=served.environment)
    found = json.loads(done.stdout)
    compared = found["books"]["compared"] is not None and found["seats"]["compared"]
    assert compared, found
    return done.returncode, [(each["invariant"], f"{each['order']} {each['what']}") for each in found["violations"]]
