"""A settlement of several moves at an external bank: it is made whole or not at all, whatever one of them meets."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from cli.faults.injection import Fault
from examples.fake_systems.bank import PENDING_REFUND, REFUSE_CAPTURE, REFUSE_REFUND
from providers.errors import PaymentDeclinedError, ProviderUnavailableError
from providers.protocols import Found, FoundState
from store import erasure
from store.tables import LedgerRow, MoveRow, PaymentRow
from temporal.names import StepName
from tests.guarantees.test_recovery import reconcile
from tests.support.canary import ADULT
from tests.support.refunds_owed import cancel, pay_out
from tests.support.stuck_orders import wait_until_step_is_stuck
from tests.support.temporal_cli import TERMINATE, run_temporal_cli
from tests.support.watched_bank import WatchedBank
from tests.support.world import CARD, TENANT, Answer, Json, World, add
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

NO_CAPTURE = {"method": "card", "token": REFUSE_CAPTURE}
PENDING = {"method": "card", "token": PENDING_REFUND}
WAIT = {"Prefer": "wait=30"}


@pytest.fixture
def world(bank_installation: World, bank: WatchedBank, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    yield bank_installation
    bank.before_answer = lambda _call: None


async def draft_with_a_payment(world: World, token: str = "tok_ok") -> str:  # noqa: S107 - a test token
    """Return an order with a draft of 100.00 more, of which one card has set 40.00 aside."""
    order, _ = await world.open_draft()
    assert (await world.pay(order, "40.00", token)).status == 200
    return order


def books(world: World, bank: WatchedBank, order: str) -> list[tuple[int, int, bool]]:
    """Return what is captured, refunded and open of the draft's payments, in our book; the bank's book agrees."""
    with world.components.store.read() as tx:
        query = select(PaymentRow).where(PaymentRow.order_number == order).order_by(col(PaymentRow.number))
        rows = tx.exec(query).all()[1:]
    ours = [(row.captured_minor, row.refunded_minor, row.open) for row in rows]
    found = [bank.accounts[row.key] for row in rows]
    still_open = [not each.voided and not each.captured and not each.has_ended(bank.now()) for each in found]
    theirs = [(each.captured, each.refunded, is_open) for each, is_open in zip(found, still_open, strict=True)]
    assert ours == theirs
    return ours


def moves(world: World, change: str) -> list[tuple[str, str, int]]:
    """Return the moves of a change's settlement: the end of the key, the state, and the amount."""
    with world.components.store.read() as tx:
        rows = tx.exec(select(MoveRow).where(MoveRow.change == change).order_by(col(MoveRow.key))).all()
    return [(row.key.partition("/settle_price_difference/")[2], row.state, row.amount_minor) for row in rows]


def refunds(world: World, order: str) -> int:
    with world.components.store.read() as tx:
        return len(tx.exec(select(LedgerRow).where(LedgerRow.order_number == order, LedgerRow.kind == "refund")).all())


async def events_of(world: World, order: str, kind: str) -> list[Json]:
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    return [event["data"] for event in events if event["type"] == kind]


async def test_several_captures_are_made_oldest_authorisation_first(world: World, bank: WatchedBank) -> None:
    order = await draft_with_a_payment(world)
    answer = await world.confirm(order, CARD)
    assert answer.status == 200
    assert moves(world, answer.change) == [("1", "done", 4000), ("2", "done", 6000)]
    assert books(world, bank, order) == [(4000, 0, False), (6000, 0, False)]


async def test_if_the_second_capture_is_refused_the_first_is_refunded_and_the_change_refused(
    world: World, bank: WatchedBank
) -> None:
    order = await draft_with_a_payment(world)
    refused = await world.confirm(order, NO_CAPTURE)
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert moves(world, refused.change) == [("1", "done", 4000), ("1/back", "done", 4000), ("2", "refused", 6000)]
    assert books(world, bank, order) == [(4000, 4000, False), (0, 0, False)]
    # What was paid back is no balance: all of it is owed again.
    shown = await world.show(order)
    assert (shown["balance"], shown["paid"], shown["confirmed_version"]) == ("100.00", "299.00", 1)
    assert (await world.confirm(order, CARD)).status == 200
    assert books(world, bank, order) == [(4000, 4000, False), (0, 0, False), (10000, 0, False)]


async def test_the_draft_of_a_capture_that_went_back_is_discarded_without_a_void_of_it(
    world: World, bank: WatchedBank
) -> None:
    order = await draft_with_a_payment(world)
    assert (await world.confirm(order, NO_CAPTURE)).status == 402
    before = books(world, bank, order)
    assert (await world.discard(order)).status == 200
    assert books(world, bank, order) == before
    assert (await world.show(order))["balance"] == "0.00"
    assert len(await events_of(world, order, "payment_voided")) == 1


@pytest.mark.parametrize("lost", ["capture", "refund"])
async def test_a_lost_answer_on_the_way_forward_or_back_moves_nothing_twice(
    world: World, bank: WatchedBank, lost: str
) -> None:
    order = await draft_with_a_payment(world)
    seen: set[str] = set()

    def lose(call: str) -> None:
        if call.startswith(lost) and call not in seen:
            seen.add(call)
            raise ConnectionError

    bank.before_answer = lose
    refused = await world.confirm(order, NO_CAPTURE)
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert seen
    assert books(world, bank, order) == [(4000, 4000, False), (0, 0, False)]


async def test_a_way_back_that_is_refused_is_a_case_until_it_is_done_by_hand(world: World) -> None:
    order = await draft_with_a_payment(world, REFUSE_REFUND)
    request = asyncio.create_task(world.post(f"/v1/orders/{order}/confirm", {"payment": NO_CAPTURE}, **WAIT))
    await wait_until_step_is_stuck(world, order, StepName.SETTLE_PRICE_DIFFERENCE)
    case = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    assert (case["step"], case["code"]) == ("settle_price_difference", "REFUSED_TOO_LATE")
    assert "40.00 NOK captured" in case["unsettled"]
    assert "40.00 NOK to be refunded, not answered" in case["unsettled"]
    stated = await world.send("POST", f"/v1/orders/{order}/attention/done-by-hand", {"reason": "paid by transfer"})
    assert stated.status == 204
    refused = await request
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert moves(world, refused.change)[1] == ("1/back", "done", 4000)
    (done,) = await events_of(world, order, "done_by_hand")
    assert (done["step"], done["reason"], done["move"]) == ("settle_price_difference", "paid by transfer", 1)
    assert (await world.show(order))["balance"] == "100.00"


async def test_a_decline_after_a_lost_answer_is_a_case_with_both_answers_until_the_bank_says_what_it_did(
    world: World, bank: WatchedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bank has captured, and its answer is lost; asked again it declines, and cannot say what it did."""
    order = await world.sold(ADULT)
    provider = world.components.payments

    def declines(*_: object) -> str:
        raise PaymentDeclinedError

    def captured(call: str) -> None:
        if call.startswith("capture"):
            monkeypatch.setattr(provider, "capture", declines)
            monkeypatch.setattr(provider, "find", lambda *_: Found(FoundState.CANNOT_SAY))
            raise ConnectionError

    bank.before_answer = captured
    request = asyncio.create_task(world.upgrade(order, confirm=True, payment=CARD, **WAIT))
    await wait_until_step_is_stuck(world, order, StepName.SETTLE_PRICE_DIFFERENCE)
    case = (await world.send("GET", f"/v1/orders/{order}/attention")).body
    assert case["code"] == "ANSWERS_DIFFER"
    (both,) = await events_of(world, order, "answers_differ")
    assert (both["answered"], both["found"]) == ("PAYMENT_REFUSED", "cannot_say")
    assert not request.done()
    monkeypatch.undo()
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "it says so now"})
    assert (await request).status == 200
    assert books(world, bank, order) == [(10000, 0, False)]


async def test_a_decline_after_a_lost_answer_counts_once_nothing_was_done(
    world: World, bank: WatchedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await world.sold(ADULT)
    before = world.snapshot(order)
    calls: list[str] = []

    def down_then_declines(*_: object) -> str:
        calls.append("capture")
        raise ConnectionError if len(calls) == 1 else PaymentDeclinedError

    monkeypatch.setattr(world.components.payments, "capture", down_then_declines)
    refused = await world.upgrade(order, confirm=True, payment=CARD)
    assert (refused.status, refused.code, len(calls)) == (402, "PAYMENT_REFUSED", 2)
    assert world.snapshot(order) == before
    assert books(world, bank, order) == [(0, 0, False)]


@pytest.mark.parametrize("says", [True, False], ids=["says what it did", "cannot say"])
async def test_an_authorisation_that_is_declined_after_a_lost_answer_is_taken_or_let_go(
    world: World, bank: WatchedBank, monkeypatch: pytest.MonkeyPatch, *, says: bool
) -> None:
    monkeypatch.setattr(step_runner, "EXTERNAL_TOTAL", timedelta(seconds=2))
    order, provider = await world.sold(ADULT), world.components.payments

    def declines(*_: object) -> None:
        raise PaymentDeclinedError

    def authorised(call: str) -> None:
        if call.startswith("authorise"):
            monkeypatch.setattr(provider, "authorise", declines)
            if not says:
                monkeypatch.setattr(provider, "find", lambda *_: Found(FoundState.CANNOT_SAY))
            raise ConnectionError

    bank.before_answer = authorised
    answer = await world.upgrade(order, confirm=True, payment=CARD)
    account = bank.accounts[f"{answer.change}/authorise_payment"]
    if says:
        assert (answer.status, account.captured) == (200, 10000)
        return
    # Nothing is believed: the change has failed, and the bank lets go of what it may have set aside.
    assert (answer.status, answer.code) == (500, "STEP_FAILED")
    assert (account.captured, account.voided) == (0, True)
    (both,) = await events_of(world, order, "answers_differ")
    assert (both["step"], both["answered"], both["found"]) == ("authorise_payment", "PAYMENT_REFUSED", "cannot_say")


async def test_an_authorisation_that_has_ended_is_found_before_any_capture_and_owed_again(
    world: World, bank: WatchedBank
) -> None:
    order = await draft_with_a_payment(world)
    (payment,) = [key for key in bank.accounts if key[:36] in {row.id for row in world.changes_of(order)}][1:]
    bank.end_authorisation(payment)
    refused = await world.confirm(order, CARD)
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert not [each for each in bank.calls if each.startswith(f"capture {refused.change}")]
    assert [each["amount"] for each in await events_of(world, order, "authorisation_lost")] == ["40.00"]
    assert books(world, bank, order) == [(0, 0, False), (0, 0, False)]
    assert (await world.show(order))["balance"] == "100.00"
    assert (await world.confirm(order, CARD)).status == 200


async def draft_that_the_bank_forgets(world: World, monkeypatch: pytest.MonkeyPatch, found: FoundState) -> str:
    """Return an order whose draft is paid; from then on the bank can capture nothing, and says this of every key."""
    order, _ = await world.open_draft()
    assert (await world.pay(order, "100.00")).status == 200

    def impossible(*_: object) -> str:
        raise ProviderUnavailableError

    monkeypatch.setattr(world.components.payments, "capture", impossible)
    monkeypatch.setattr(world.components.payments, "find", lambda *_: Found(found))
    return order


async def test_an_authorisation_that_the_bank_has_forgotten_is_owed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await draft_that_the_bank_forgets(world, monkeypatch, FoundState.NOTHING)
    refused = await world.confirm(order)
    assert (refused.status, refused.code) == (402, "PAYMENT_REFUSED")
    assert [each["amount"] for each in await events_of(world, order, "authorisation_lost")] == ["100.00"]
    shown = await world.show(order)
    assert (shown["balance"], shown["confirmed_version"]) == ("100.00", 1)
    monkeypatch.undo()
    assert (await world.confirm(order, CARD)).status == 200


async def test_an_authorisation_of_which_the_bank_cannot_say_anything_is_a_case(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_runner, "ATTENTION_AFTER", timedelta(seconds=1))
    with monkeypatch.context() as forgets:
        order = await draft_that_the_bank_forgets(world, forgets, FoundState.CANNOT_SAY)
        request = asyncio.create_task(world.post(f"/v1/orders/{order}/confirm", {}, **WAIT))
        await wait_until_step_is_stuck(world, order, StepName.SETTLE_PRICE_DIFFERENCE)
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "it says so now"})
    assert (await request).status == 200


async def sold_with(world: World, card: Json) -> str:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    assert (await world.change(order, add(bundle, ADULT), confirm=True, payment=card)).status == 200
    return order


async def pending_refund(world: World) -> tuple[str, Answer, str]:
    """Cancel an order whose card's refund is pending; return the order, the answer and the key of the refund."""
    order = await sold_with(world, PENDING)
    answer = await cancel(world, order)
    assert (answer.status, answer.body["warnings"]) == (200, [])
    return order, answer, f"{answer.change}/settle_price_difference/1"


async def owing(world: World, order: str) -> list[Any]:
    listed = (await world.send("GET", "/v1/attention")).body["refunds_owed"]
    return [each["amount"] for each in listed if each["order"] == order]


async def test_a_pending_refund_counts_as_paid_back_until_it_is_paid(world: World, bank: WatchedBank) -> None:
    order, answer, key = await pending_refund(world)
    shown = await world.show(order)
    assert (shown["balance"], shown["refund_owed"]) == ("0.00", "0.00")
    await reconcile(world)
    assert [state for _, state, _ in moves(world, answer.change)] == ["pending"]
    bank.end_refund(key, paid=True)
    await reconcile(world)
    assert [state for _, state, _ in moves(world, answer.change)] == ["done"]
    assert (await owing(world, order), refunds(world, order)) == ([], 1)


async def test_an_order_is_not_erased_while_a_refund_is_pending(world: World, bank: WatchedBank) -> None:
    order, _, key = await pending_refund(world)
    await world.wait_for_end(order)
    store = world.components.store
    later = store.now() + timedelta(days=400)
    with pytest.raises(erasure.NotEndedError), store.write() as tx:
        erasure.erase(tx, TENANT, order, later)
    bank.end_refund(key, paid=True)
    await reconcile(world)
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, order, later) == 1


async def test_a_pending_refund_that_fails_is_a_case_with_its_amount(world: World, bank: WatchedBank) -> None:
    order, answer, key = await pending_refund(world)
    bank.end_refund(key, paid=False)
    for _ in range(2):
        await reconcile(world)
    assert [state for _, state, _ in moves(world, answer.change)] == ["failed"]
    (failed,) = await events_of(world, order, "refund_failed")
    assert [failed["amount"]] == await owing(world, order) == ["249.00"]
    shown = await world.show(order)
    assert (shown["balance"], shown["refund_owed"]) == ("0.00", "249.00")
    assert (await pay_out(world, order)).status == 200
    assert await owing(world, order) == []


async def test_a_bank_that_is_down_leaves_a_pending_refund_for_the_next_round(world: World, bank: WatchedBank) -> None:
    _, answer, key = await pending_refund(world)
    bank.end_refund(key, paid=True)

    def down(call: str) -> None:
        if call.startswith("find"):
            raise ConnectionError

    bank.before_answer = down
    await reconcile(world)
    assert [state for _, state, _ in moves(world, answer.change)] == ["pending"]
    bank.before_answer = lambda _call: None
    await reconcile(world)
    assert [state for _, state, _ in moves(world, answer.change)] == ["done"]


async def test_an_outage_at_a_step_before_the_settlement_does_not_undo_a_change_that_is_settled(
    world: World, bank: WatchedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ended behind the settlement. The next one asks for the recorded steps again, while the store is down."""
    monkeypatch.setattr(step_runner, "EXTERNAL_TOTAL", timedelta(seconds=2))
    order = await world.sold(ADULT)
    armed = world.faults.arm(order, StepName.SETTLE_PRICE_DIFFERENCE, Fault.PAUSED_AFTER)
    request = asyncio.create_task(world.upgrade(order, confirm=True, payment=CARD, **WAIT))
    await asyncio.wait_for(armed.reached.wait(), 20)
    down = world.faults.arm(order, StepName.AUTHORISE_PAYMENT, Fault.DOWN)
    await run_temporal_cli(world, order, *TERMINATE)
    armed.go_on.set()
    await wait_until_step_is_stuck(world, order, StepName.AUTHORISE_PAYMENT)
    assert down.fired
    world.faults.clear()
    await world.send("POST", f"/v1/orders/{order}/attention/retry-now", {"reason": "the store is back"})
    assert (await request).status == 200
    assert books(world, bank, order) == [(10000, 0, False)]
