"""A change makes few statements, and each finds its rows by an index, however many orders there are."""

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text

from settings import Settings
from store.database import database_url
from tests.support.by_hand import ByHand, Statement

GROWING = frozenset(
    {
        *("orders", "order_lines", "order_travellers", "order_fees", "reservations", "changes", "effects", "events"),
        *("deliveries", "payments", "ledger", "bank", "offers", "offer_bundles", "seats", "seat_holds", "services"),
    }
)
"""Tables that grow with what is sold. Webhooks, products and supplements are few."""


@pytest.fixture
def steps(database: str) -> Iterator[ByHand]:
    made = ByHand(Settings(database=database))
    yield made
    made.parts.store.close()


@pytest.fixture
def database_itself(database: str) -> Iterator[Connection]:
    engine = create_engine(database_url(database))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def of_a_change(steps: ByHand, *, confirm: bool) -> list[Statement]:
    """Return the statements of a dearer change of a sold order."""
    order = steps.order()
    steps.change(order, steps.asked(order, "standard", "4711", [], confirm=True))
    change = steps.asked(order, "flexible", "4713", [f"{order}-1"], confirm=confirm)
    with steps.watched():
        steps.change(order, change)
    return steps.statements


def scanned(connection: Connection, statement: Statement) -> list[str]:
    """Return the growing tables that a statement would read from end to end."""
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.text}", statement.parameters)
        found = [re.match(r"SCAN (\w+)(?! USING (?:COVERING )?INDEX)", row.detail) for row in plan]
    else:
        # Few rows are read fastest from end to end: what counts is whether there is another way.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.exec_driver_sql(f"EXPLAIN {statement.text}", statement.parameters)
        found = [re.search(r"Seq Scan on (\w+)", row[0]) for row in plan]
    return [match[1] for match in found if match and match[1] in GROWING]


@pytest.mark.parametrize(("confirm", "most", "transactions"), [(True, 105, 11), (False, 65, 7)])
def test_a_change_makes_few_statements_in_few_transactions(
    steps: ByHand, *, confirm: bool, most: int, transactions: int
) -> None:
    made = [each for each in of_a_change(steps, confirm=confirm) if not each.text.startswith("BEGIN")]
    assert len(made) <= most
    assert steps.transactions == transactions


@pytest.mark.parametrize("confirm", [True, False], ids=["in one go", "into a draft"])
def test_each_statement_of_a_change_finds_its_rows_by_an_index(
    steps: ByHand, database_itself: Connection, *, confirm: bool
) -> None:
    asked = [each for each in of_a_change(steps, confirm=confirm) if not each.text.startswith("BEGIN")]
    assert {each.step for each in asked} >= {"plan_change", "reserve_seats", "swap_offer_bundle"}
    slow = {(each.step, each.text): tables for each in asked if (tables := scanned(database_itself, each))}
    assert not slow


def test_a_statement_that_reads_a_table_from_end_to_end_is_found(database_itself: Connection) -> None:
    reads = Statement("none", "SELECT number FROM orders WHERE currency = 'NOK'", None)
    assert scanned(database_itself, reads) == ["orders"]
