"""Situations that happen to a whole bank or railway: its clock is wrong, its holds have ended, it forgets a day."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from examples.fake_systems.bank import Bank, capture_reference_of
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.served_stack import Served
from tests.support.situation_play import NEW, OLD, SECONDS, Play, UnexpectedError
from tests.support.situation_runs import Row, check, judge, new_play
from tests.support.situations import DONE, DOWN, FOREVER, UNAVAILABLE

SHORT = timedelta(hours=2)
"""How long holds and authorisations last by a provider's own clock, where that is wrong."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_LOST_MOVEMENTS = """
INSERT INTO movements (request, kind, payment, minor, currency)
SELECT request, kind, payment, minor, currency FROM later.movements
WHERE request NOT IN (SELECT request FROM main.movements) ORDER BY number
"""
LONG_AGO = "2020-01-01T00:00:00+00:00"


@dataclass
class Part:
    """An order in a phase: what is done before the phase, in it and after it."""

    situation: str
    act: str
    end: str
    play: Play
    then: Callable[[Play], Awaitable[object]]
    wrong: list[str] = field(default_factory=list)

    async def run(self, what: Callable[[Play], Awaitable[object]]) -> None:
        """Do something with the order, unless it has failed before."""
        if self.wrong:
            return
        try:
            await what(self.play)
        except Exception as error:  # noqa: BLE001 - it is a row of the table, too
            self.wrong.append(f"{type(error).__name__}: {error}")


def part(served: Served, situation: str, act: str, end: str, then: Callable[[Play], Awaitable[object]]) -> Part:
    """Return an order of a phase."""
    return Part(situation, act, end, new_play(served, f"{situation} {act}"), then)


async def judged(served: Served, parts: Sequence[Part]) -> list[Row]:
    """Judge the orders of a phase that is over."""
    about = [(each.situation, each.act, each.end, each.play, each.wrong) for each in parts]
    return await judge(served, about)


async def sold(play: Play) -> None:
    """Sell a ticket before the phase."""
    await play.prepare(ADULT)


async def exchanged(play: Play) -> None:
    """Exchange the ticket in one go."""
    await play.follow(await play.exchange())
    play.expect(DONE)


async def cancelled(play: Play) -> None:
    """Give the ticket up."""
    await play.follow(await play.cancel())
    play.expect(DONE)


async def drafted_and_confirmed(play: Play) -> None:
    """Exchange the ticket in three requests."""
    await play.draft(("40.00", play.token))
    await play.follow(await play.confirm(play.card))
    play.expect(DONE)


async def unavailable(play: Play) -> None:
    """Try to exchange the ticket."""
    await play.follow(await play.exchange())
    play.expect(UNAVAILABLE)


async def paid_too_short(play: Play) -> None:
    """Pay for a draft of before, with an authorisation that has ended when it is answered."""
    await play.follow(await play.served.world.pay(play.order, "40.00", play.token))
    play.expect("409 AUTHORISATION_TOO_SHORT")
    await play.follow(await play.discard())


async def paid_and_confirmed(play: Play) -> None:
    """Pay for a draft of before, and confirm it."""
    await play.follow(await play.served.world.pay(play.order, "100.00", play.token))
    play.expect(DONE)
    await play.follow(await play.confirm())
    play.expect(DONE)


async def hold_lost(play: Play) -> None:
    """Confirm a draft whose hold is gone, and discard it."""
    await play.follow(await play.confirm(play.card))
    play.expect("409 HOLD_LOST")
    await play.follow(await play.discard())


async def clocks(served: Served) -> list[Row]:
    """Play both providers with a clock that is wrong."""
    rows: list[Row] = []
    for offset, words in (
        (HOUR, "an hour ahead"),
        (-HOUR, "an hour behind"),
        (DAY, "a day ahead"),
        (-DAY, "a day behind"),
    ):
        rows += await _clock(served, offset, f"clock {words}")
    return rows


async def _clock(served: Served, offset: timedelta, name: str) -> list[Row]:
    behind = offset <= -SHORT
    parts = [
        part(served, name, "hold", OLD if behind else NEW, unavailable if behind else exchanged),
        part(served, name, "refund", NEW, cancelled),
        part(served, name, "authorise", OLD if behind else NEW, paid_too_short if behind else paid_and_confirmed),
    ]
    ends = part(served, f"{name}, until its holds have ended there", "extend", OLD, hold_lost)
    waits = [] if behind else [part(served, name, "extend", NEW, drafted_and_confirmed), ends]
    await asyncio.gather(*(each.run(sold) for each in (*parts, *waits)))
    await parts[2].run(Play.draft)
    await _set_clocks(served, offset)
    now = [*parts, *waits[:1]]
    drafted = [each.run(Play.draft) for each in waits[1:]]
    await asyncio.gather(*(each.run(each.then) for each in now), *drafted)
    if waits:
        await _set_clocks(served, offset + SHORT + timedelta(minutes=1))
        await ends.run(ends.then)
    await asyncio.gather(*(asyncio.to_thread(each.restart) for each in (served.bank, served.railway)))
    return await judged(served, [*parts, *waits])


async def _set_clocks(served: Served, offset: timedelta) -> None:
    ahead, short = int(offset.total_seconds()), int(SHORT.total_seconds())
    await asyncio.gather(
        asyncio.to_thread(lambda: served.bank.restart(clock_ahead=ahead, life=short)),
        asyncio.to_thread(lambda: served.railway.restart(clock_ahead=ahead, longest=short)),
    )


async def outlived_holds(served: Served) -> list[Row]:
    """Play a railway that is down for longer than its holds last."""
    name = "down for longer than a hold lasts"
    parts = {
        "draft": part(served, name, "extend", OLD, hold_lost),
        "reseat": part(served, f"{name}; reseated", "confirm", NEW, lambda play: _resolved(play, "reseat")),
        "reverse": part(served, f"{name}; reversed", "confirm", OLD, lambda play: _resolved(play, "reverse")),
        "bank": part(served, f"{name}: the bank, too", "capture", NEW, lambda play: _resolved(play, "reseat")),
    }
    await asyncio.gather(*(each.run(sold) for each in parts.values()))
    await parts["draft"].run(Play.draft)
    await asyncio.gather(*(parts[each].run(_stop_at("confirm")) for each in ("reseat", "reverse")))
    await parts["bank"].run(_stop_at("capture"))
    changes = {row.id for each in parts.values() for row in served.world.changes_of(each.play.order)}
    await asyncio.to_thread(_end_holds, served, changes)
    for each in parts.values():
        each.play.clear()
    await asyncio.gather(*(each.run(each.then) for each in parts.values()))
    return await judged(served, list(parts.values()))


def _stop_at(act: str) -> Callable[[Play], Awaitable[None]]:
    """Return the play of an exchange whose provider is down from an act on."""

    async def play_until(play: Play) -> None:
        armed = play.arm(act, DOWN, FOREVER)
        play.request = asyncio.create_task(play.exchange())
        async with asyncio.timeout(60):
            while not armed.met:  # noqa: ASYNC110 - the wire runs in other threads
                await asyncio.sleep(0.05)

    return play_until


def _end_holds(served: Served, changes: set[str]) -> None:
    """Let holds end at the railway while it is down."""
    served.railway.child.kill()
    with closing(sqlite3.connect(served.railway.book)) as book:
        for change in changes:
            of_change = "UPDATE holds SET held_until = ? WHERE held_until IS NOT NULL AND substr(request, 1, 36) = ?"
            book.execute(of_change, (LONG_AGO, change))
        book.commit()
    served.railway.start()


async def _resolved(play: Play, way_out: str) -> None:
    """Resolve a change that is stuck after its payment, as an operator does: retry until the way out is open."""
    await play.case("REFUSED_TOO_LATE", StepName.CONFIRM_SEATS)
    async with asyncio.timeout(2 * SECONDS):
        # The step tries again by itself, and an attempt that the railway did not answer has to be some time ago.
        while (answer := await play.operate(way_out)).code == "OUTCOME_UNKNOWN":  # noqa: ASYNC110 - only an answer shows it
            await asyncio.sleep(4)
    if answer.status not in (200, 202):
        raise UnexpectedError(f"{way_out}: {answer.code}")
    assert play.request is not None
    await play.finish(play.request, DONE if way_out == "reseat" else "409 REVERSED")


async def forgotten_holds(served: Served) -> list[Row]:
    """Play a railway that is restored from a backup, and then put right."""
    name = "railway restored from yesterday's backup"
    first = part(served, name, "confirm", NEW, _nothing)
    first.play.trains = [await served.train(first.play.name, seats=1)]
    backup = await asyncio.to_thread(served.railway.back_up)
    waiting = part(served, name, "extend", OLD, hold_lost)
    next_one = part(served, f"{name}: the next customer", "hold", OLD, _refused_first_sale)
    await asyncio.gather(first.run(_sold_the_last), waiting.run(sold))
    await waiting.run(Play.draft)
    lost = {each.play.order: each.play.ours().seats for each in (first, waiting)}
    later = await asyncio.to_thread(served.railway.restore, backup)
    await _expect_differences(
        served, first, {f"{order} {seat.reference}" for order, seats in lost.items() for seat in seats}, "seats_agree"
    )
    next_one.play.trains = list(first.play.trains)
    await next_one.run(next_one.then)
    await waiting.run(waiting.then)
    await asyncio.to_thread(served.railway.restore, later)
    # What the order no longer has is released by two rounds.
    await _until_checked(served, first)
    return await judged(served, [first, waiting, next_one])


async def _nothing(_play: Play) -> None:
    """Do nothing."""


async def _sold_the_last(play: Play) -> None:
    """Sell the only seat of a train."""
    await play.prepare()
    await play.follow(await play.buy(ADULT))
    play.expect(DONE)


async def _refused_first_sale(play: Play) -> None:
    """Try to buy the seat that the railway has forgotten."""
    play.order = await play.served.world.order()
    await play.note()
    await play.follow(await play.buy(ADULT))
    play.expect(UNAVAILABLE)


async def forgotten_money(served: Served) -> list[Row]:
    """Play a bank that is restored from a backup, and then put right."""
    name = "bank restored from yesterday's backup"
    backup = await asyncio.to_thread(served.bank.back_up)
    captured = part(served, name, "refund", NEW, _refunded_by_hand)
    one = part(served, f"{name}: one authorisation", "capture", NEW, _paid_again)
    two = part(served, f"{name}: one of two authorisations", "capture", NEW, _paid_again)
    parts = [captured, one, two]
    await asyncio.gather(*(each.run(sold) for each in parts))
    await one.run(lambda play: play.draft(("100.00", play.token)))
    await two.run(lambda play: play.draft(("40.00", play.token), ("60.00", play.token)))
    known = {f"{each.play.order} payment {money.key}" for each in parts for money in each.play.ours().money}
    later = await asyncio.to_thread(served.bank.restore, backup)
    await _expect_differences(served, captured, known, "books_agree")
    await asyncio.gather(*(each.run(each.then) for each in parts))
    await asyncio.to_thread(_enter_again, served, later)
    await captured.run(_by_staff(_refund_at_the_bank))
    await asyncio.gather(*(each.run(_by_staff(_void_at_the_bank)) for each in (one, two)))
    return await judged(served, parts)


async def _paid_again(play: Play) -> None:
    """Confirm a draft whose authorisations are forgotten: they are lost, and another card pays."""
    await play.follow(await play.confirm())
    play.expect("402 PAYMENT_REFUSED")
    await play.follow(await play.confirm(play.card))
    play.expect(DONE)


async def _refunded_by_hand(play: Play) -> None:
    """Cancel; the bank does not know the capture that is to be refunded, so that an operator pays."""
    request = await play.with_attention(play.cancel(), "", StepName.SETTLE_PRICE_DIFFERENCE)
    await play.operate("done-by-hand")
    await play.finish(request, DONE)


def _enter_again(served: Served, later: Path) -> None:
    """Let the bank's own staff enter again what its book has lost."""
    with closing(sqlite3.connect(served.bank.book)) as book:
        book.execute("ATTACH ? AS later", (str(later),))
        book.execute(_LOST_MOVEMENTS)
        for table in ("cards", "requests"):
            book.execute(f"INSERT OR IGNORE INTO {table} SELECT * FROM later.{table}")  # noqa: S608 - likewise
        book.commit()


def _by_staff(what: Callable[[Play], None]) -> Callable[[Play], Awaitable[None]]:
    """Return what the bank's own staff does, in a thread."""
    return lambda play: asyncio.to_thread(what, play)


def _void_at_the_bank(play: Play) -> None:
    """Void what the bank has found again and the order has lost, as the page says."""
    bank = Bank(play.served.bank.book)
    for money in play.ours().money:
        if not money.captured:
            bank.void(money.key)


def _refund_at_the_bank(play: Play) -> None:
    """Enter the refund that was paid by hand."""
    bank = Bank(play.served.bank.book)
    (money,) = play.ours().money
    capture = bank.find(money.key).reference or capture_reference_of("")
    bank.refund(f"by hand {play.name}", capture, money.refunded, "NOK")


async def _expect_differences(served: Served, about: Part, expected: set[str], name: str) -> None:
    """See that `check` finds exactly these differences between the books."""
    code, found = await check(served)
    of_name = {what.partition(":")[0] for invariant, what in found if invariant == name}
    if code != 1 or of_name != expected or len(found) != len(expected):
        about.wrong.append(f"check: {code}, {found} instead of {expected}")
    about.play.attention.append(f"check: {len(found)} {name}")


async def _until_checked(served: Served, about: Part) -> None:
    found: object = None
    for _ in range(10):
        code, found = await check(served)
        if code == 0:
            return
        await asyncio.sleep(2)
    about.wrong.append(f"check: {found}")
