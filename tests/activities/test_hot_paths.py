"""A change makes few statements, and each finds its rows by an index, however many orders there are."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine

from bench.growth.filling import fill
from bench.growth.template import template
from runtime.settings import Settings
from store.database.connections import database_url
from temporal.names import StepName
from tests.support.installation import prepare_database
from tests.support.step_by_step import Statement, StepByStep

GROWING = frozenset(
    {
        *(
            "orders",
            "order_lines",
            "order_travellers",
            "order_fees",
            "reservations",
            "changes",
            "step_records",
            "events",
        ),
        *("deliveries", "payments", "ledger", "embedded_payments", "offers", "offer_bundles", "seats", "seat_holds"),
    }
)
"""Tables that grow with what is sold. Webhooks, products, supplements and departures are few."""
ORDERS = 2_000
"""Enough for PostgreSQL to know what an index is worth; it has looked at them."""


@pytest.fixture
def steps(fresh_database: str) -> Iterator[StepByStep]:
    made = StepByStep(Settings(database=prepare_database(fresh_database)))
    sold = made.create_order()
    made.run_change(sold, made.record_request(sold, "standard", "4711", [], confirm=True))
    # A change brings a fee along: that table, too, has rows then.
    made.run_change(sold, made.record_request(sold, "flexible", "4713", [f"{sold}-1"], confirm=True))
    with made.components.store.write() as tx:
        copied = template(tx, sold)
    fill(fresh_database, copied, ORDERS)
    yield made
    made.components.store.close()


@pytest.fixture
def database_itself(fresh_database: str) -> Iterator[Connection]:
    engine = create_engine(database_url(fresh_database))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def of_a_change(steps: StepByStep, *, confirm: bool) -> list[Statement]:
    """Return the statements of a dearer change of a sold order."""
    order = steps.create_order()
    steps.run_change(order, steps.record_request(order, "standard", "4711", [], confirm=True))
    change = steps.record_request(order, "flexible", "4713", [f"{order}-1"], confirm=confirm)
    with steps.watch_statements():
        steps.run_change(order, change)
    return steps.statements


def scanned(connection: Connection, statement: Statement) -> list[str]:
    """Return the growing tables that a statement would read from end to end, or all of a tenant's rows of."""
    if connection.dialect.name == "sqlite":
        lines = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters)
        plan = "\n".join(row.detail for row in lines)
        found = re.findall(r"SCAN (\w+)|SEARCH (\w+) USING .*INDEX \w+ \(tenant=\?\)$", plan, re.MULTILINE)
    else:
        lines = connection.exec_driver_sql(f"EXPLAIN {statement.text}", statement.parameters)
        plan = "\n".join(row[0] for row in lines)
        tenants = r"Scan (?:using \w+ )?on (\w+).*\n\s+Index Cond: \(\(tenant\)::text = [^)]*\)$"
        found = re.findall(rf"Seq Scan on (\w+)|{tenants}", plan, re.MULTILINE)
    named = [re.sub(r"_\d+$", "", "".join(each)) for each in found]
    return [each for each in named if each in GROWING]


@pytest.mark.parametrize(("confirm", "most", "transactions"), [(True, 85, 11), (False, 55, 7)])
def test_a_change_makes_few_statements_in_few_transactions(
    steps: StepByStep, *, confirm: bool, most: int, transactions: int
) -> None:
    made = [each for each in of_a_change(steps, confirm=confirm) if not each.text.startswith("BEGIN")]
    assert len(made) <= most
    assert steps.transactions == transactions


@pytest.mark.parametrize("confirm", [True, False], ids=["in one go", "into a draft"])
def test_each_statement_of_a_change_finds_its_rows_by_an_index(
    steps: StepByStep, database_itself: Connection, *, confirm: bool
) -> None:
    asked = [each for each in of_a_change(steps, confirm=confirm) if not each.text.startswith("BEGIN")]
    assert {each.step for each in asked} >= {StepName.PLAN_CHANGE, StepName.RESERVE_SEATS, StepName.SWAP_OFFER_BUNDLE}
    slow = {(each.step, each.text): tables for each in asked if (tables := scanned(database_itself, each))}
    assert not slow


@pytest.mark.parametrize(
    ("table", "reads"),
    [
        ("orders", "SELECT number FROM orders AS orders_1 WHERE currency = 'NOK'"),
        ("seat_holds", "SELECT coach FROM seat_holds WHERE tenant = 'default' AND state = 'held'"),
    ],
)
@pytest.mark.usefixtures("steps")
def test_a_statement_that_reads_a_table_from_end_to_end_is_found(
    database_itself: Connection, table: str, reads: str
) -> None:
    assert scanned(database_itself, Statement("none", reads, None)) == [table]
