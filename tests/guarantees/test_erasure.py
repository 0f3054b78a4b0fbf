"""An erased order holds no personal data; its money, its seats and its audit are as before."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select, update

from store import erasure, invariants
from store.tables import ChangeRow, OrderRow
from tests.support.canary import ADULT, BORN
from tests.support.entur_client import EnturClient
from tests.support.erasure_data import Person, backdate_order, sell_to, tables_containing
from tests.support.world import CARD, TENANT, World, add

PERSONAL_TABLES = {"embedded_payments", "changes", "offer_bundles", "order_lines", "order_travellers", "orders"}
"""The tables that may hold personal data; `embedded_payments` holds the token of a card."""
KEPT = {
    "order_lines": "id, position, product, service, price_minor, tax_rate, units, replaces, added_by",
    "order_fees": "id, kind, amount_minor",
    "reservations": "id, service, coach, seat, item, day, state",
    "payments": "key, method, reference, authorised_minor, captured_minor, refunded_minor, refund_owed_minor, open",
    "ledger": "key, kind, amount_minor, currency, at",
    "changes": "id, client, route, idempotency_key, kind, correlation_id, state, created_at, finished_at",
    "step_records": "key, step, state, started_at, done_at, result",
}


def erase(world: World, order: str) -> int | None:
    with world.components.store.write() as tx:
        return erasure.erase(tx, TENANT, order, world.components.store.now())


def read_kept(world: World, order: str) -> list[Sequence[Any]]:
    """Return money, seats and audit of an order, which an erasure keeps."""
    with world.components.store.read() as tx:
        return [
            tx.connection()
            .execute(text(f"SELECT {columns} FROM {table} WHERE order_number = :order ORDER BY 1"), {"order": order})  # noqa: S608 - our own names
            .all()
            for table, columns in KEPT.items()
        ]


async def erase_sold_order(world: World) -> tuple[str, Person]:
    person = Person()
    order = await sell_to(world, person)
    backdate_order(world.components.store, order)
    assert erase(world, order) == 1
    return order, person


async def test_an_erased_order_leaves_nothing_personal_in_the_store_and_everything_else_as_it_was(world: World) -> None:
    person = Person()
    order = await sell_to(world, person)
    backdate_order(world.components.store, order)
    assert tables_containing(world.components.store, person.marker) == PERSONAL_TABLES
    before, money = read_kept(world, order), (await world.show(order))["paid"]
    assert erase(world, order) == 1
    assert tables_containing(world.components.store, person.marker) == set()
    with world.components.store.read() as tx:
        requests = [str(row.request) for row in tx.exec(select(ChangeRow).where(ChangeRow.order_number == order))]
        assert [each for each in invariants.violations(tx) if each.order == order] == []
    assert not [each for each in requests if BORN.isoformat() in each or "ISL" in each or "diverse" in each]
    assert read_kept(world, order) == before
    assert (await world.show(order))["paid"] == money


async def test_an_erasure_is_in_the_orders_history_and_a_second_one_does_nothing(world: World) -> None:
    order, _ = await erase_sold_order(world)
    assert erase(world, order) is None
    events = (await world.send("GET", f"/v1/orders/{order}/history")).body["events"]
    erasures = [each for each in events if each["type"] == "order_erased"]
    assert [(each["data"], each["change"]) for each in erasures] == [({"travellers": 1}, None)]


async def test_an_erased_order_is_shown_everywhere_with_ids_that_agree(world: World) -> None:
    order, _ = await erase_sold_order(world)
    shown = await world.show(order)
    assert [line["travellers"] for line in shown["lines"]] == [["erased-1"]]
    assert [each["id"] for each in shown["travellers"]] == ["erased-1"]
    assert not {each for who in shown["travellers"] for each in who.values()} - {"erased-1", None, True, False}
    for change in world.changes_of(order):
        assert (await world.send("GET", f"/v1/changes/{change.id}")).status == 200
    assert (await EnturClient(world).send("GET", f"/v1/orders/{order}")).status == 200
    assert (await world.send("GET", f"/v1/orders/{order}/change-options")).status == 200
    assert (await world.http.get(f"/desk/orders/{order}")).status_code == 200


async def test_a_repeated_key_gets_its_first_answer_after_the_erasure(world: World) -> None:
    person = Person()
    order = await sell_to(world, person, key=f"key-{person.marker}")
    (sale,) = [row for row in world.changes_of(order) if row.idempotency_key == f"key-{person.marker}"]
    first = await world.send("GET", f"/v1/changes/{sale.id}")
    backdate_order(world.components.store, order)
    erase(world, order)
    again = await world.change(order, person.add_lines("b"), key=f"key-{person.marker}", confirm=True, payment=CARD)
    assert (again.status, again.headers["idempotency-replayed"]) == (200, "true")
    assert (again.body["state"], again.change) == (first.body["state"], sale.id)
    assert tables_containing(world.components.store, person.marker) == {"changes"}, (
        "a key belongs to its client and stays"
    )


async def test_an_erased_order_refuses_requests_and_records_none(world: World) -> None:
    order, _ = await erase_sold_order(world)
    count = len(world.changes_of(order))
    bundle = await world.offer("standard", ADULT, service=world.train())
    answers = [
        await world.change(order, add(bundle, ADULT)),
        await world.post(f"/v1/orders/{order}/quotes", {"operations": [add(bundle, ADULT)]}),
        await world.confirm(order),
        await world.pay(order, "1.00"),
        await world.discard(order),
    ]
    assert {(each.status, each.code) for each in answers} == {(409, "ORDER_ERASED")}
    assert len(world.changes_of(order)) == count


async def test_a_request_that_arrived_during_the_erasure_is_refused_and_redacted(world: World) -> None:
    person = Person()
    order = await sell_to(world, Person())
    operation = {"op": "set_travellers", "travellers": [person.details]}
    async with world.without_temporal() as offline:
        assert (await offline.change(order, operation, key=person.marker)).code == "ENGINE_UNREACHABLE"
    with world.components.store.write() as tx:
        tx.exec(update(OrderRow).where(col(OrderRow.number) == order).values(erased_at=world.components.store.now()))
    late = await world.change(order, operation, key=person.marker)
    assert (late.status, late.code) == (409, "ORDER_ERASED")
    (row,) = [each for each in world.changes_of(order) if each.idempotency_key == person.marker]
    assert person.marker not in row.request


async def test_an_order_that_has_not_ended_is_not_erased(world: World) -> None:
    person = Person()
    order = await sell_to(world, person)
    with_draft, _ = await world.open_draft()
    backdate_order(world.components.store, with_draft)
    waiting = await world.sold(ADULT)
    async with world.without_temporal() as offline:
        await offline.upgrade(waiting)
    backdate_order(world.components.store, waiting)
    for each in (order, with_draft, waiting):
        with pytest.raises(erasure.NotEndedError):
            erase(world, each)
    assert tables_containing(world.components.store, person.marker) == PERSONAL_TABLES
    with pytest.raises(erasure.UnknownOrderError):
        erase(world, "26-999999")


async def test_an_order_whose_offer_is_still_valid_has_not_ended(world: World) -> None:
    order = await world.order()
    bundle = await world.offer("standard", ADULT, service=world.train())
    assert (await world.change(order, {**add(bundle, ADULT), "seats": ["99-99"]})).status == 409
    with pytest.raises(erasure.NotEndedError):
        erase(world, order)
    in_an_hour = world.components.store.now() + timedelta(hours=1)
    with world.clock_at(in_an_hour):
        assert erase(world, order) == 0


async def test_orders_that_ended_before_the_given_time_are_due(world: World) -> None:
    order, later = await world.sold(ADULT), await world.sold(ADULT)
    store = world.components.store
    backdate_order(store, order, timedelta(days=60))
    backdate_order(store, later, timedelta(days=40))
    with store.read() as tx:
        # The train of each order left thirty days after its sale.
        due = [erasure.find_due(tx, TENANT, store.now() - timedelta(days=days), "", 10_000) for days in (40, 25, 5)]
    assert [(order in each, later in each) for each in due] == [(False, False), (True, False), (True, True)]
    with store.read() as tx:
        assert order not in erasure.find_due(tx, TENANT, store.now(), order, 10_000)
