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
        *(
            "deliveries",
            "payments",
            "ledger",
            "payment_moves",
            "embedded_payments",
            "offers",
            "offer_bundles",
            "seats",
            "seat_holds",
        ),
        "stock_holds",
    }
)
"""Tables that grow with the number of sales. Webhooks, products, supplements and departures are few."""
ORDERS = 2_000
"""Enough rows for PostgreSQL to choose an index; the tables are analysed."""


@pytest.fixture
def steps(prepared_database: str) -> Iterator[StepByStep]:
    by_step = StepByStep(Settings(database=prepared_database))
    sold = by_step.create_order()
    by_step.run_change(sold, by_step.record_request(sold, "standard", "4711", [], confirm=True))
    # A dearer change also adds a fee, so that its table has rows too.
    by_step.run_change(sold, by_step.record_request(sold, "flexible", "4713", [f"{sold}-1"], confirm=True))
    with by_step.components.store.write() as tx:
        copied = template(tx, sold)
    fill(prepared_database, copied, ORDERS)
    yield by_step
    by_step.components.store.close()


@pytest.fixture
def database_itself(prepared_database: str) -> Iterator[Connection]:
    engine = create_engine(database_url(prepared_database))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def statements_of_change(steps: StepByStep, *, confirm: bool, grouped: bool = False) -> list[Statement]:
    """Return the statements of a dearer change of a sold order, step by step or as a group."""
    order = steps.create_order()
    steps.run_change(order, steps.record_request(order, "standard", "4711", [], confirm=True))
    change = steps.record_request(order, "flexible", "4713", [f"{order}-1"], confirm=confirm)
    with steps.watch_statements():
        (steps.run_in_group if grouped else steps.run_change)(order, change)
    return steps.statements


def find_scanned_tables(connection: Connection, statement: Statement) -> list[str]:
    """Return the growing tables of which a statement would read all rows, or all rows of a tenant."""
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


@pytest.mark.parametrize(("confirm", "max_statements"), [(True, 52), (False, 42)])
def test_a_change_makes_few_statements_in_one_transaction(
    steps: StepByStep, *, confirm: bool, max_statements: int
) -> None:
    found = statements_of_change(steps, confirm=confirm, grouped=True)
    assert len([each for each in found if not each.text.startswith("BEGIN")]) <= max_statements
    assert steps.transactions == 1


@pytest.mark.parametrize("confirm", [True, False], ids=["in one go", "into a draft"])
def test_each_statement_of_a_change_finds_its_rows_by_an_index(
    steps: StepByStep, database_itself: Connection, *, confirm: bool
) -> None:
    statements = [each for each in statements_of_change(steps, confirm=confirm) if not each.text.startswith("BEGIN")]
    assert {each.step for each in statements} >= {
        StepName.PLAN_CHANGE,
        StepName.RESERVE_SEATS,
        StepName.SWAP_OFFER_BUNDLE,
    }
    slow = {
        (each.step, each.text): tables for each in statements if (tables := find_scanned_tables(database_itself, each))
    }
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
    assert find_scanned_tables(database_itself, Statement("none", reads, None)) == [table]
