"""The situations at a bank and a railway that docs/providers.md answers: what happens, and how the order must end.

Each is a play for one order. The faults happen on the wire, so that neither we nor the two know of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import select

from examples.fake_systems.bank import PENDING_REFUND, REFUSE_CAPTURE, REFUSE_REFUND, Bank
from providers.contracts import FalseAnswer, Trouble
from store.tables import PaymentRow
from temporal.names import StepName
from tests.support.canary import ADULT, CHILD, THIRD
from tests.support.situation_play import BANK_ACTS, NEW, OLD, Play, UnexpectedError
from tests.support.wire import Answered, Armed, Delivery, Fault, HeldUp, Json, Rewritten, Watched

DONE = "200 done"
UNAVAILABLE = "503 PROVIDER_UNAVAILABLE"
DECLINED = Answered(422, {"error": "declined"})
GONE = Answered(409, {"error": "gone"})
DOWN = Answered(503, {"error": "unavailable"})
FOREVER = 1_000_000
NO_CAPTURE = {"method": "card", "token": REFUSE_CAPTURE}


@dataclass(frozen=True)
class Situation:
    """What happens at a provider, in which of its acts, how it is played, and how the order must end."""

    name: str
    act: str
    play: Callable[[Play], Awaitable[object]]
    end: str
    meets_fault: bool = True
    """Whether each armed fault must have happened."""


WIRE: dict[str, Fault] = {
    "answers late": Delivery.LATE,
    "answers twice": Delivery.TWICE,
    "never answers": Trouble.SILENT,
    "500 after doing it": FalseAnswer.BROKEN,
    "connection cut after doing it": Trouble.LOST,
    "200 with an HTML page": Trouble.PAGE,
    "201 with nothing done": FalseAnswer.CREATED,
    "204 with nothing done": FalseAnswer.EMPTY,
    "redirect": FalseAnswer.ELSEWHERE,
    "20 MB body": FalseAnswer.ENDLESS,
}
FORWARD = ("hold", "authorise", "capture", "confirm")
BACK = ("release", "void")
ACTS = (*FORWARD, "extend", *BACK, "give back", "refund")


async def at(play: Play, act: str, disturb: Callable[[], object], *expected: str) -> None:
    """Bring an order to an act, disturb it, and follow it to its end."""
    await play.prepare(ADULT)
    if act in FORWARD:
        disturb()
        await play.follow(await play.exchange())
    elif act == "extend":
        await play.draft()
        disturb()
        await play.follow(await play.confirm(play.card))
    elif act == "refund":
        disturb()
        await play.follow(await play.cancel())
    elif act == "give back":
        # A second exchange gives back what the draft held before.
        await play.draft()
        play.trains.append(await play.served.train(play.name))
        play.trains[1] = play.trains[2]
        disturb()
        await play.follow(await play.exchange(confirm=False))
        play.expect(DONE)
        await play.follow(await play.confirm(play.card))
    else:
        await play.draft(*([("40.00", play.token)] if act == "void" else []))
        disturb()
        await play.follow(await play.discard())
    play.expect(*(expected or [DONE]))


def on_the_wire() -> list[Situation]:
    """Return a disturbed answer for each act."""

    def situation(name: str, act: str) -> Situation:
        async def played(play: Play) -> None:
            await at(play, act, lambda: play.arm(act, WIRE[name]))

        return Situation(name, act, played, OLD if act in BACK else NEW)

    return [situation(name, act) for name in WIRE for act in ACTS]


def _first(**members: Any) -> Callable[[Json], Json]:
    return lambda body: {"held": [{**body["held"][0], **members}, *body["held"][1:]]}


def _second_as_first(body: Json) -> Json:
    first, second = body["held"]
    return {"held": [first, {**first, "reference": second["reference"]}]}


WRONG: dict[str, Callable[[Json], Json]] = {
    "another service": _first(service="9999-2030-01-01"),
    "no seat": lambda _body: {"held": []},
    "a negative seat": _first(seat=-5),
    "fewer seats": lambda body: {"held": body["held"][:-1]},
    "the same seat twice": _second_as_first,
    "seats as text": _first(seat="3"),
    "a seat not requested by name": _first(coach=1, seat=8),
}
NAMES = ("1-03", "1-04")


def wrong_seats() -> list[Situation]:
    """Return the answers to a hold that are not what was requested: once, and at every attempt."""

    def once(name: str) -> Situation:
        async def played(play: Play) -> None:
            await play.prepare()
            play.arm("hold", Rewritten(WRONG[name]))
            await play.follow(await play.buy(ADULT, CHILD, seats=NAMES))
            play.expect(DONE)

        return Situation(name, "hold", played, NEW)

    def always(name: str) -> Situation:
        async def played(play: Play) -> None:
            await play.prepare(ADULT)
            armed = play.arm("hold", Rewritten(WRONG[name]), FOREVER)
            await play.follow(await play.buy(CHILD, THIRD, seats=NAMES))
            play.expect(UNAVAILABLE)
            if armed.met < 2:
                raise UnexpectedError("tried only once")

        return Situation(f"{name}, at every attempt", "hold", played, OLD)

    return [*map(once, WRONG), *map(always, WRONG)]


async def seat_of_another(play: Play) -> None:
    """The railway answers a seat that another order has."""
    await play.prepare(ADULT)
    # The seat of this order's own first ticket: the second ticket is another place of it.
    (seat,) = play.ours().seats
    other = Play(play.served, f"{play.name}-other", play.token)
    other.trains, other.order = [play.trains[0]], await play.served.world.order()
    await other.note()
    coach, number = map(int, seat.name.split("-"))
    play.arm("hold", Rewritten(_first(coach=coach, seat=number)))
    await play.follow(await other.buy(ADULT))
    play.expect(DONE)
    play.order, play.version, play.lines = other.order, 0, []
    play.new_train, play.seats = other.new_train, frozenset()


def refused_after(act: str, refusal: Answered, *, says: bool) -> Situation:
    """Done, its answer lost, then refused; the provider can say what it did, or cannot."""
    step = StepName.CONFIRM_SEATS if act == "confirm" else StepName.SETTLE_PRICE_DIFFERENCE

    async def played(play: Play) -> None:
        await play.prepare(ADULT)
        play.arm(act, Trouble.LOST)
        play.arm(act, refusal, FOREVER)
        if says:
            # The first refusal is not believed; what is found is the answer.
            await play.follow(await play.exchange())
            play.expect(DONE)
            return
        find = "find money" if act in BANK_ACTS else "find"
        play.arm(find, Rewritten(lambda body: {**body, "state": "cannot_say", "held": []}), FOREVER)
        code = "ANSWERS_DIFFER" if act == "capture" else ""
        request = await play.with_attention(play.exchange(), code, step)
        if act == "confirm":
            for way_out in ("reverse", "reseat"):
                refused = await play.operate(way_out)
                if refused.code != "OUTCOME_UNKNOWN":
                    raise UnexpectedError(f"{way_out}: {refused.code}")
        play.clear()
        await play.operate("retry-now")
        await play.finish(request, DONE)

    doubt = "" if says else ", and it cannot say"
    names = {"capture": "captured", "authorise": "authorised", "confirm": "sold", "hold": "held"}
    word = "declined" if act in BANK_ACTS else "gone" if act == "confirm" else "sold out"
    return Situation(f"{names[act]}, answer lost, then “{word}”{doubt}", act, played, NEW, meets_fault=False)


async def uncertain_authorisation(play: Play) -> None:
    """Authorised, the answer lost, then declined, and the bank cannot say."""
    await play.prepare(ADULT)
    play.arm("authorise", Trouble.LOST)
    play.arm("authorise", DECLINED, FOREVER)
    play.arm("find money", Rewritten(lambda body: {**body, "state": "cannot_say"}), FOREVER)
    await play.follow(await play.exchange())
    play.expect("500 STEP_FAILED", UNAVAILABLE)


async def one_of_two_captures_refused(play: Play) -> None:
    """The first capture goes back."""
    await play.prepare(ADULT)
    await play.draft(("40.00", play.token))
    await play.follow(await play.confirm(NO_CAPTURE))
    play.expect("402 PAYMENT_REFUSED")
    await play.follow(await play.discard())


def _end_authorisations(play: Play, *numbers: int) -> None:
    """Let the bank's own staff end payments of an order, by number."""
    with play.served.world.components.store.read() as tx:
        of_order = select(PaymentRow.key).where(PaymentRow.order_number == play.order).order_by(PaymentRow.number)  # type: ignore[arg-type] # a column
        keys = tx.exec(of_order).all()
    bank = Bank(play.served.bank.book)
    for number in numbers:
        bank.end_authorisation(keys[number])


async def second_gone_between_two(play: Play) -> None:
    """The second authorisation ends after the first is captured."""
    await play.prepare(ADULT)
    await play.draft(("40.00", play.token), ("60.00", play.token))
    play.arm("capture", Watched(lambda: _end_authorisations(play, 2)))
    await play.follow(await play.confirm())
    play.expect("402 PAYMENT_REFUSED")
    await play.follow(await play.discard())


async def ends_in_mid_draft(play: Play) -> None:
    """The authorisation ends, the amount is due again, and another card pays."""
    await play.prepare(ADULT)
    await play.draft(("100.00", play.token))
    await asyncio.to_thread(_end_authorisations, play, 1)
    await play.follow(await play.confirm())
    play.expect("402 PAYMENT_REFUSED")
    await play.follow(await play.confirm(play.card))
    play.expect(DONE)


async def newest_refuses_refund(play: Play) -> None:
    """The newest card refuses: the older takes what it bears, and the rest is owed until it is paid by hand."""
    await play.prepare(ADULT)
    await play.follow(await play.exchange(card={"method": "card", "token": REFUSE_REFUND}))
    await play.note()
    await play.follow(await play.cancel())
    play.expect(DONE)
    await _pay_out(play, "50.00")


async def _pay_out(play: Play, amount: str) -> None:
    async with asyncio.timeout(60):
        while True:
            found = await play.served.world.send("GET", f"/v1/orders/{play.order}/attention")
            if found.status == 200 and found.body["refund_owed"]:
                break
            await asyncio.sleep(0.3)
    play.attention.append(f"refund owed {found.body['refund_owed']['amount']}")
    paid = await play.operate("payout", amount=amount)
    if paid.status != 200:
        raise UnexpectedError(f"payout: {paid.code}")


def pending_refund(*, paid: bool) -> Situation:
    """A refund is pending, then paid or failed; a round of the reconciliation sees it."""

    async def played(play: Play) -> None:
        await play.prepare(ADULT, card={"method": "card", "token": PENDING_REFUND})
        cancelled = await play.follow(await play.cancel())
        play.expect(DONE)
        key = f"{cancelled.change}/{StepName.SETTLE_PRICE_DIFFERENCE}/1"
        await asyncio.to_thread(lambda: Bank(play.served.bank.book).end_refund(key, paid=paid))
        if not paid:
            await _pay_out(play, "249.00")

    return Situation(f"refund pending, then {'paid' if paid else 'failed'}", "refund", played, NEW)


FAILS = ("hold", "extend", "authorise")
"""The acts that are given up after a minute, since they can be undone."""


def down(act: str, minute: timedelta) -> Situation:
    """The provider is down for a minute, from an act on."""

    async def played(play: Play) -> None:
        outages: list[asyncio.Task[None]] = []

        def begin() -> None:
            armed = play.arm(act, DOWN, FOREVER, spreads=True)
            outages.append(asyncio.create_task(_end_outage(play, armed, minute)))

        await at(play, act, begin, *([UNAVAILABLE] if act in FAILS else []))
        await outages[0]
        if act == "extend":
            await play.follow(await play.discard())

    return Situation("down for a minute", act, played, OLD if act in (*BACK, *FAILS) else NEW)


async def _end_outage(play: Play, armed: Armed, minute: timedelta) -> None:
    async with asyncio.timeout(60):
        while not armed.met:  # noqa: ASYNC110 - the wire runs in other threads
            await asyncio.sleep(0.05)
    await asyncio.sleep(minute.total_seconds())
    play.clear()
    await play.operate("retry-now")


def arrives_after_its_undo(act: str, undo: str) -> Situation:
    """A request arrives only after the step has failed and was undone: it does nothing any more."""

    async def played(play: Play) -> None:
        await play.prepare(ADULT)
        play.arm(act, HeldUp(undo))
        play.arm(act, DOWN, FOREVER)
        await play.follow(await play.exchange())
        play.expect(UNAVAILABLE)
        # It is on its way now.
        await asyncio.sleep(1)

    return Situation("delivered after its undo", act, played, OLD)


def situations(minute: timedelta) -> list[Situation]:
    """Return all situations that happen to one order alone; `minute` is how long a provider is down."""
    return [
        *on_the_wire(),
        *wrong_seats(),
        Situation("a seat of another order", "hold", seat_of_another, NEW),
        *(refused_after("capture", DECLINED, says=says) for says in (True, False)),
        *(refused_after("confirm", GONE, says=says) for says in (True, False)),
        refused_after("authorise", DECLINED, says=True),
        refused_after("hold", Answered(409, {"error": "sold_out", "service": "T"}), says=True),
        Situation(
            "authorised, answer lost, then “declined”, and it cannot say",
            "authorise",
            uncertain_authorisation,
            OLD,
            meets_fault=False,
        ),
        Situation("one of two captures refused", "capture", one_of_two_captures_refused, OLD),
        Situation("second authorisation gone between the two", "capture", second_gone_between_two, OLD),
        Situation("authorisation ends in mid-draft", "capture", ends_in_mid_draft, NEW),
        Situation("refund refused by the newest card only", "refund", newest_refuses_refund, NEW),
        *(pending_refund(paid=paid) for paid in (True, False)),
        arrives_after_its_undo("hold", "release"),
        arrives_after_its_undo("authorise", "void"),
        *(down(act, minute) for act in ACTS),
    ]
