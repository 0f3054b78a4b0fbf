"""An event of a payment provider changes its order once, in the order's turn, whatever else happens meanwhile."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest

from api.workflow_client import OrderWorkflowClient, SubmitRequest
from cli.faults.injection import Fault
from examples.fake_systems.bank import FAILED, PENDING_REFUND
from examples.fake_systems.bank_events import event_body
from store import erasure
from temporal.names import PROVIDER_EVENT, StepName
from tests.guarantees.test_recovery import reconcile, reconcile_until_done
from tests.support.canary import ADULT
from tests.support.provider_events import (
    disputes,
    history,
    inbox,
    notified,
    notify,
    payment_keys,
    requests,
    served,
)
from tests.support.refunds_owed import cancel
from tests.support.watched_bank import WatchedBank
from tests.support.world import CARD, TENANT, World, add
from workflows.saga import step_runner

pytestmark = pytest.mark.faults

PENDING = {"method": "card", "token": PENDING_REFUND}


@pytest.fixture
def world(bank_installation: World, bank: WatchedBank) -> Iterator[World]:
    yield bank_installation
    bank.before_answer = lambda _call: None


async def sold(world: World, card: dict[str, str] = CARD) -> tuple[str, str]:
    """Sell an order of 299.00; return its number and the key of its payment."""
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    assert (await world.change(order, add(bundle, ADULT), confirm=True, payment=card)).status == 200
    return order, payment_keys(world, order)[0]


async def cancelled(world: World, card: dict[str, str]) -> tuple[str, str]:
    """Cancel an order; return its number and the key of its refund of 249.00."""
    order, _ = await sold(world, card)
    answer = await cancel(world, order)
    assert answer.status == 200, answer.body
    return order, f"{answer.change}/settle_price_difference/1"


async def draft_paid(world: World) -> tuple[str, str]:
    """Return an order with a draft for which 40.00 are authorised, and the key of that payment."""
    order, _ = await world.open_draft()
    assert (await world.pay(order, "40.00")).status == 200
    return order, payment_keys(world, order)[-1]


def dispute(kind: str, key: str, name: str) -> bytes:
    return event_body(f"dispute_{kind}", key, 29_900, dispute=name)


async def test_a_refund_that_fails_is_owed_to_the_customer_at_once(world: World, bank: WatchedBank) -> None:
    order, key = await cancelled(world, PENDING)
    bank.end_refund(key, paid=False)
    await notified(world, event_body("refund_failed", key, 24_900))
    assert [each["amount"] for each in await history(world, order, "refund_failed")] == ["249.00"]
    shown = await world.show(order)
    assert (shown["balance"], shown["refund_owed"]) == ("0.00", "249.00")


async def test_a_refund_that_was_paid_may_fail_later_and_an_older_event_does_not_undo_that(
    world: World, bank: WatchedBank
) -> None:
    order, key = await cancelled(world, CARD)
    older = event_body("refund_paid", key, 24_900)
    bank.book.set_state(key, FAILED)
    await notified(world, event_body("refund_failed", key, 24_900))
    await notify(world, older)
    await notified(world, event_body("refund_failed", key, 24_900))
    assert (await world.show(order))["refund_owed"] == "249.00"
    assert len(await history(world, order, "refund_failed")) == 1
    assert len(await history(world, order, "refund_owed")) == 1
    bank.book.set_state(key, "done")


async def test_an_event_is_not_believed_where_the_provider_can_say(world: World, bank: WatchedBank) -> None:
    order, key = await cancelled(world, PENDING)
    for kind in ("refund_failed", "refund_paid"):
        await notified(world, event_body(kind, key, 24_900))
    assert (await world.show(order))["refund_owed"] == "0.00"
    bank.end_refund(key, paid=True)
    await notified(world, event_body("refund_failed", key, 24_900))
    assert await history(world, order, "refund_failed") == []
    # Now the refund is known to be paid, so that nothing is left to do for the round.
    assert not (await reconcile(world)).violations


async def test_an_authorisation_that_ends_is_lost_and_its_amount_is_due_again(world: World, bank: WatchedBank) -> None:
    order, key = await draft_paid(world)
    before = await world.show(order)
    bank.end_authorisation(key)
    await notified(world, event_body("authorisation_ended", key, 4000))
    after = await world.show(order)
    assert (before["balance"], after["balance"]) == ("60.00", "100.00")
    assert after["draft"]["expires_at"] == before["draft"]["expires_at"]
    assert await history(world, order, "authorisation_lost") == [{"amount": "40.00", "currency": "NOK"}]
    assert (await world.confirm(order)).code == "BALANCE_NOT_ZERO"
    assert (await world.confirm(order, CARD)).status == 200
    assert bank.accounts[key].captured == 0


async def test_a_draft_whose_authorisation_is_lost_is_discarded_as_any_other(world: World, bank: WatchedBank) -> None:
    order, before = await world.open_draft()
    await world.pay(order, "40.00")
    key = payment_keys(world, order)[-1]
    bank.end_authorisation(key)
    await notified(world, event_body("authorisation_ended", key, 4000))
    assert (await world.discard(order)).status == 200
    assert world.snapshot(order) == before


async def test_the_event_of_our_own_void_needs_no_workflow(world: World) -> None:
    order, key = await draft_paid(world)
    assert (await world.discard(order)).status == 200
    assert (await notify(world, event_body("authorisation_ended", key, 4000))).json() == {"result": "kept"}
    assert (inbox(world)[-1].change, inbox(world)[-1].served_at is None) == (None, False)
    assert await history(world, order, "authorisation_lost") == []


async def test_an_event_waits_for_its_turn_while_a_request_runs(world: World) -> None:
    order, key = await draft_paid(world)
    armed = world.faults.arm(order, StepName.EXTEND_HOLDS, Fault.HELD)
    confirming = asyncio.create_task(world.confirm(order, CARD))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await notify(world, event_body("authorisation_ended", key, 4000))
    assert inbox(world)[-1].served_at is None
    armed.go_on.set()
    assert (await confirming).status == 200
    await served(world)
    # It was captured meanwhile, so that nothing is lost.
    assert await history(world, order, "authorisation_lost") == []


async def test_a_dispute_is_a_case_until_it_is_won(world: World) -> None:
    order, key = await sold(world)
    await notified(world, dispute("opened", key, "dp_won"))
    (case,) = [each for each in (await world.send("GET", "/v1/attention")).body["disputes"] if each["order"] == order]
    assert (case["dispute"], case["amount"], case["currency"]) == ("dp_won", "299.00", "NOK")
    assert (await world.send("GET", f"/v1/orders/{order}/attention")).body["disputes"] == [case]
    await notified(world, dispute("won", key, "dp_won"))
    assert disputes(world, order) == [("dp_won", "won")]
    assert (await world.send("GET", f"/v1/orders/{order}/attention")).code == "NOTHING_STUCK"
    assert [each["outcome"] for each in await history(world, order, "dispute_closed")] == ["won"]


async def test_a_dispute_that_is_lost_before_we_know_of_it_stays_lost(world: World) -> None:
    order, key = await sold(world)
    await notified(world, dispute("lost", key, "dp_lost"))
    await notified(world, dispute("opened", key, "dp_lost"))
    await notified(world, dispute("won", key, "dp_lost"))
    assert disputes(world, order) == [("dp_lost", "lost")]
    assert await history(world, order, "dispute_opened") == []
    # The ledger does not move by it: what follows is for an operator to decide.
    assert (await world.show(order))["balance"] == "0.00"


async def test_an_operator_closes_the_case_of_a_dispute_and_its_end_is_recorded_besides(world: World) -> None:
    order, key = await sold(world)
    await notified(world, dispute("opened", key, "dp_closed"))
    path, body = f"/v1/orders/{order}/attention/close-dispute", {"dispute": "dp_closed", "reason": "accepted"}
    assert (await world.post(path, body)).status == 204
    assert (await world.post(path, body)).code == "DISPUTE_NOT_OPEN"
    assert (await world.post(path, body | {"dispute": "dp_other"})).code == "DISPUTE_NOT_OPEN"
    await notified(world, dispute("lost", key, "dp_closed"))
    closed = await history(world, order, "dispute_closed")
    assert [(each["outcome"], each.get("reason")) for each in closed] == [("closed", "accepted"), ("lost", None)]


async def test_an_order_is_not_erased_while_it_is_disputed_and_what_happens_later_is_recorded(world: World) -> None:
    order, _ = await cancelled(world, CARD)
    paid = payment_keys(world, order)[0]
    await notified(world, dispute("opened", paid, "dp_erased"))
    await world.wait_for_end(order)
    store = world.components.store
    later = store.now() + timedelta(days=400)
    with pytest.raises(erasure.NotEndedError), store.write() as tx:
        erasure.erase(tx, TENANT, order, later)
    await notified(world, dispute("won", paid, "dp_erased"))
    await world.wait_for_end(order)
    with store.write() as tx:
        assert erasure.erase(tx, TENANT, order, later) == 1
    await notified(world, dispute("opened", paid, "dp_erased_too"))
    assert disputes(world, order) == [("dp_erased", "won"), ("dp_erased_too", "open")]


async def test_an_event_is_served_once_however_often_it_is_delivered_at_once(world: World) -> None:
    order, key = await sold(world)
    body = dispute("opened", key, "dp_twice")
    answers = await asyncio.gather(*(notify(world, body) for _ in range(5)))
    assert sorted(each.json()["result"] for each in answers) == ["kept", *["known"] * 4]
    await served(world)
    assert (await notify(world, body)).json() == {"result": "known"}
    assert len(requests(world, order)) == 1
    assert len(await history(world, order, "dispute_opened")) == 1


async def test_an_event_of_an_order_that_is_not_known_stays_in_the_inbox(world: World) -> None:
    answer = await notify(world, event_body("refund_failed", "elsewhere/settle_price_difference/1"))
    assert (answer.status_code, answer.json()) == (200, {"result": "unknown_order"})
    await reconcile(world)
    row = inbox(world)[-1]
    assert (row.change, row.served_at) == (None, None)


async def test_an_event_that_another_tenant_has_signed_concerns_no_order_of_ours(world: World) -> None:
    order, key = await sold(world)
    body = event_body("dispute_opened", key, 29_900, merchant="other", dispute="dp_foreign")
    assert (await notify(world, body)).json() == {"result": "unknown_order"}
    await reconcile(world)
    assert (disputes(world, order), requests(world, order)) == ([], [])


async def test_while_temporal_is_down_an_event_is_kept_and_a_round_serves_it(world: World) -> None:
    order, key = await sold(world)
    await world.wait_for_end(order)
    async with world.without_temporal(payments=world.components.payments) as down:
        answer = await notify(down, dispute("opened", key, "dp_down"))
    assert (answer.status_code, answer.json()) == (200, {"result": "kept"})
    (request,) = requests(world, order)
    assert (request.claimed_at, request.dispatch_error) == (None, "ENGINE_UNREACHABLE")
    world.backdate(request.id)
    backdate_inbox(world)
    await reconcile(world)
    await served(world)
    assert disputes(world, order) == [("dp_down", "open")]


async def test_a_round_submits_an_event_that_a_running_workflow_never_received(world: World) -> None:
    order, key = await draft_paid(world)
    async with world.without_temporal(payments=world.components.payments) as down:
        await notify(down, event_body("authorisation_ended", key, 4000))
    (request,) = requests(world, order)
    world.backdate(request.id)
    backdate_inbox(world)
    await reconcile(world)
    await served(world)
    assert await history(world, order, "authorisation_lost") == []


async def test_an_event_that_is_submitted_twice_is_served_once(world: World) -> None:
    order, key = await sold(world)
    change = await notified(world, dispute("opened", key, "dp_signals"))
    request = SubmitRequest(PROVIDER_EVENT, change, order, None, "")
    for _ in range(2):
        await OrderWorkflowClient(world.client, world.components.external_systems).signal_event(request)
    assert await world.wait_for_end(order) == "COMPLETED"
    assert len(await history(world, order, "dispute_opened")) == 1


@pytest.mark.parametrize("moment", [Fault.PAUSED, Fault.PAUSED_AFTER])
async def test_an_event_is_served_once_though_its_run_is_terminated(world: World, moment: Fault) -> None:
    order, key = await draft_paid(world)
    armed = world.faults.arm(order, StepName.RECORD_PROVIDER_EVENT, moment)
    await notify(world, dispute("opened", key, f"dp_{moment}"))
    await asyncio.wait_for(armed.reached.wait(), 20)
    await world.workflow(order).terminate("terminated by mistake")
    world.faults.clear()
    (request,) = requests(world, order)
    assert await reconcile_until_done(world, request.id) == "done"
    assert len(await history(world, order, "dispute_opened")) == 1
    assert (await world.discard(order)).status == 200


async def test_while_the_provider_does_not_answer_the_event_waits_and_is_served_later(
    world: World, bank: WatchedBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(step_runner, "EXTERNAL_TOTAL", timedelta(seconds=2))
    order, key = await cancelled(world, PENDING)
    bank.end_refund(key, paid=False)

    def down(call: str) -> None:
        if call.startswith("find"):
            raise ConnectionError

    bank.before_answer = down
    await notify(world, event_body("refund_failed", key, 24_900))
    first = inbox(world)[-1].change or ""
    assert await world.wait_for_outcome(first) == "undone"
    assert (await world.show(order))["refund_owed"] == "0.00"
    bank.before_answer = lambda _call: None
    backdate_inbox(world)
    await reconcile(world)
    second = inbox(world)[-1].change or ""
    assert second != first
    world.backdate(second)
    await reconcile(world)
    await served(world)
    assert (await world.show(order))["refund_owed"] == "249.00"


def backdate_inbox(world: World) -> None:
    """Make every event an hour and a half older."""
    with world.components.store.write() as tx:
        for row in inbox(world):
            kept = tx.merge(row)
            kept.received_at -= timedelta(minutes=90)
            kept.submitted_at = kept.submitted_at and kept.submitted_at - timedelta(minutes=90)
