"""Each invariant reports a violation when there is one, and only then."""

import asyncio

import pytest
from sqlalchemy import text
from sqlmodel import select

from store import invariants
from store.invariants import INVARIANTS
from store.tables import EventRow
from tests.support.canary import ADULT
from tests.support.commands import run
from tests.support.stock import add_stock
from tests.support.world import CARD, World, replace

BROKEN = {
    "payments_match_provider": (
        "UPDATE embedded_payments SET captured_minor = captured_minor - 1 WHERE key LIKE '{sale}%'"
    ),
    "no_unknown_authorisation": "UPDATE embedded_payments SET key = '{sale}/other' WHERE key LIKE '{sale}%'",
    "ledger_adds_up": "UPDATE ledger SET amount_minor = 1 WHERE change = '{sale}' AND kind = 'capture'",
    "customer_paid_what_is_confirmed": "UPDATE order_lines SET price_minor = 1 WHERE order_number = '{order}'",
    "moves_match_ledger": "UPDATE payment_moves SET amount_minor = 1 WHERE change = '{sale}'",
    "no_unknown_move": "UPDATE payment_moves SET state = 'started' WHERE change = '{sale}'",
    "no_refund_owed_without_a_decline": (
        "INSERT INTO ledger SELECT tenant, order_number, key || '/owe', payment, 'owe', 1, currency, change, at"
        " FROM ledger WHERE change = '{sale}' AND kind = 'capture'"
    ),
    "one_holder_per_seat": "UPDATE reservations SET service = 's', coach = 1, seat = 1 WHERE order_number IN"
    " ('{order}', '{other}')",
    "seats_match_inventory": "UPDATE seat_holds SET state = 'held' WHERE key LIKE '{sale}%'",
    "no_unknown_hold": "UPDATE reservations SET state = 'released' WHERE order_number = '{order}'",
    "no_hold_without_a_draft": "UPDATE reservations SET state = 'held' WHERE order_number = '{order}'",
    "no_authorisation_without_a_draft": "UPDATE payments SET open = 1 = 1 WHERE order_number = '{order}'",
    "no_draft_rows_without_a_draft": "UPDATE order_lines SET added_in = 2 WHERE order_number = '{order}'",
    "versions_have_no_gaps": "UPDATE orders SET version = 3 WHERE number = '{order}'",
    "events_have_no_gaps": "DELETE FROM events WHERE order_number = '{order}' AND number = 2",
    "one_outcome": "UPDATE changes SET state = 'refused' WHERE id = '{sale}'",
    "one_record_per_step": "UPDATE step_records SET step = 'plan_change' WHERE change = '{sale}'",
    "failed_changes_leave_no_rows": "UPDATE order_lines SET added_by = '{refused}' WHERE order_number = '{order}'",
    "failed_changes_leave_no_step_done": (
        "UPDATE step_records SET change = '{refused}' WHERE key = '{sale}/reserve_seats'"
    ),
    "tax_lies_within_the_price": "UPDATE order_lines SET tax_rate = '1.5' WHERE order_number = '{order}'",
    "supplement_on_its_line": "UPDATE order_lines SET service = 'other' WHERE order_number = '{changed}'"
    " AND supplement_of IS NOT NULL",
    "one_seat_per_traveller": "UPDATE order_lines SET seats = '[]' WHERE order_number = '{order}'",
    "given_up_by_name": "UPDATE changes SET request = '{{}}' WHERE order_number = '{changed}'",
    "supplement_leaves_with_its_line": "UPDATE order_lines SET removed_by = '{exchange}', removed_in = added_in + 1"
    " WHERE order_number = '{changed}' AND supplement_of IS NOT NULL AND removed_by IS NULL",
    "given_up_in_time": "UPDATE services SET departs_at = '2020-01-01 00:00:00' WHERE id IN"
    " (SELECT service FROM order_lines WHERE order_number = '{changed}' AND removed_by IS NOT NULL)",
    "kept_is_the_surplus": "UPDATE order_fees SET amount_minor = amount_minor - 1 WHERE order_number = '{changed}'"
    " AND kind = 'change_non_refundable'",
    "fees_within_the_price": "UPDATE order_fees SET amount_minor = 99999 WHERE order_number = '{changed}'",
    "taxes_add_up": 'UPDATE changes SET quote = REPLACE(quote, \'"tax":{{"minor":\', \'"tax":{{"minor":1\')'
    " WHERE id = '{exchange}'",
    "one_holder_per_unit": "UPDATE reservations SET reference = 'r' WHERE order_number IN ('{cyclist}', '{another}')"
    " AND item IS NOT NULL",
    "units_match_inventory": "UPDATE stock_holds SET state = 'held' WHERE item = '{bicycle}'",
    "no_unknown_unit": "UPDATE reservations SET state = 'released' WHERE order_number = '{cyclist}'",
    "stock_within_capacity": "UPDATE reservations SET reference = (SELECT MIN(reference) FROM stock_holds"
    " WHERE item = '{bicycle}') WHERE item = '{bicycle}'",
    "units_on_their_lines": "UPDATE order_lines SET product = 'other' WHERE order_number = '{cyclist}'"
    " AND supplement_of IS NOT NULL",
    "money_moves_with_a_confirmation": "DELETE FROM events WHERE change = '{sale}' AND type = 'order_confirmed'",
}


def test_every_invariant_is_broken_here() -> None:
    assert set(BROKEN) == {each.name for each in INVARIANTS}


async def test_each_violation_is_found_and_names_its_order(world: World) -> None:
    order, other = await world.sold(ADULT), await world.sold(ADULT)
    bundle = await world.offer("standard", ADULT, service=world.train())
    (sale,) = [row.id for row in world.changes_of(order) if row.kind == "change"]
    refused = await world.change(order, replace([f"{order}-9"], bundle))
    changed, exchange = await _exchanged(world)
    stock = add_stock(world, bicycles=1)
    cyclist, another = [await stock.sell(ADULT, stock.train(), confirm=True, payment=CARD) for _ in range(2)]
    ours = {order, other, changed, cyclist, another}
    names = {
        "changed": changed,
        "exchange": exchange,
        "order": order,
        "other": other,
        "sale": sale,
        "refused": refused.body["change"],
    }
    names |= {"cyclist": cyclist, "another": another, "bicycle": stock.bicycle}
    with world.components.store.read() as tx:
        assert [each for each in invariants.violations(tx) if each.order in ours] == []
    for name, statement in BROKEN.items():
        with pytest.raises(_RollbackError), world.components.store.write() as tx:
            tx.connection().execute(text(statement.format(**names).replace(":", r"\:")))
            found = [each for each in invariants.violations(tx) if each.invariant == name]
            assert {each.order for each in found} & ours, name
            raise _RollbackError


async def test_a_reversed_change_whose_captured_money_was_kept_is_found(world: World) -> None:
    order = await world.sold(ADULT)
    (sale,) = [row.id for row in world.changes_of(order) if row.kind == "change"]
    confirmation = select(EventRow).where(EventRow.change == sale, EventRow.type == "order_confirmed")
    with pytest.raises(_RollbackError), world.components.store.write() as tx:
        tx.exec(confirmation).one().type = "change_reversed"
        tx.flush()
        found = [each for each in invariants.violations(tx) if each.order == order]
        assert "money_moves_with_a_confirmation" in [each.invariant for each in found]
        raise _RollbackError


async def _exchanged(world: World) -> tuple[str, str]:
    """Sell a ticket with a meal, exchange it for a cheaper one and keep the difference; then pay a fee for another."""
    order = await world.sold(ADULT, product="flexible")
    meal = {"op": "add_supplements", "line": f"{order}-1", "supplements": [{"supplement": "MEAL"}]}
    await world.change(order, meal, confirm=True, payment=CARD)
    bundle = await world.offer("standard", ADULT, service=world.train())
    exchange = replace([f"{order}-1"], bundle)
    answer = await world.change(order, exchange, confirm=True, refund_price_difference=False)
    assert answer.status == 200, answer.body
    dearer = replace([f"{order}-1"], await world.offer("flexible", ADULT, service=world.train()))
    assert (await world.change(order, dearer, confirm=True, payment=CARD)).status == 200
    return order, answer.body["change"]


class _RollbackError(Exception):
    """Rolls back a transaction."""


async def test_check_prints_each_violation_and_exits_with_1(
    database: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = await world.sold(ADULT)
    monkeypatch.setenv("CHANGEOVER_DATABASE", database)
    good = await asyncio.to_thread(run, "check")
    assert order not in good.stdout
    assert "No seat is reserved twice." in good.stdout
    move = f"UPDATE orders SET last_event = last_event + :by WHERE number = '{order}'"  # noqa: S608 - our own number
    try:
        _execute(world, move, 1)
        bad = await asyncio.to_thread(run, "check")
        assert (bad.returncode, f"order {order}: event" in bad.stdout) == (1, True), bad.stdout
    finally:
        _execute(world, move, -1)


def _execute(world: World, statement: str, by: int) -> None:
    with world.components.store.write() as tx:
        tx.connection().execute(text(statement), {"by": by})
