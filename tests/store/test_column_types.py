"""SQLite and PostgreSQL refuse and store the same values."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import Field, SQLModel, select

from domain.model import MAX_NUMBER
from store.database.column_types import bounded_text, document, exact_decimal, safe_integer, utc_datetime
from store.database.store import Store

MOMENT = datetime(2027, 3, 28, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-6)))


class SampleRow(SQLModel, table=True):
    __tablename__ = "sample"

    id: int = Field(primary_key=True)
    text: str = bounded_text(5, default="")
    paper: str = document(default="")
    number: int = safe_integer(default=0)
    at: datetime = utc_datetime(default=MOMENT)
    rate: Decimal = exact_decimal(default=Decimal(0))
    day: date = date(2027, 3, 28)


@pytest.fixture
def sample(fresh_database: str) -> Iterator[Store]:
    store = Store(fresh_database)
    with store.write() as tx:
        SQLModel.metadata.tables["sample"].create(tx.connection())
    yield store
    store.close()


@pytest.mark.parametrize(
    "values",
    [
        {"text": "nul\0"},
        {"text": "longer"},
        {"paper": "nul\0"},
        {"number": MAX_NUMBER + 1},
        {"number": 2**63},
        {"number": True},
        {"number": 1.5},
        {"number": "1"},
        {"at": datetime(2027, 1, 1)},  # noqa: DTZ001 - naive on purpose
    ],
)
def test_both_databases_refuse_a_value_that_one_of_them_refuses(sample: Store, values: dict[str, Any]) -> None:
    with pytest.raises((StatementError, ValueError)), sample.write() as tx:
        tx.add(SampleRow(id=1, **values))
    with sample.read() as tx:
        assert tx.exec(select(SampleRow)).all() == []


def test_both_databases_return_the_value_that_was_stored(sample: Store) -> None:
    row = SampleRow(
        id=1, text="Åse李", paper='{"a":"\\u0000"}', number=2**40, at=MOMENT, rate=Decimal("0.077000000000000001")
    )
    with sample.write() as tx:
        tx.add(row)
    with sample.read() as tx:
        stored = tx.exec(select(SampleRow)).one()
        assert (stored.text, stored.paper, stored.number, stored.rate) == (row.text, row.paper, row.number, row.rate)
        assert (stored.at, stored.at.tzinfo, stored.day) == (MOMENT, UTC, row.day)
        query = select(SampleRow).where(SampleRow.at <= MOMENT, SampleRow.at >= MOMENT, SampleRow.number == 2**40)
        assert tx.exec(query).one().id == 1


def test_instants_sort_as_instants_whatever_offset_they_came_with(sample: Store) -> None:
    with sample.write() as tx:
        for number, offset in enumerate((5, -8, 0, 2)):
            at = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=offset)))
            tx.add(SampleRow(id=number, at=at))
    with sample.read() as tx:
        assert [row.id for row in tx.exec(select(SampleRow).order_by("at"))] == [0, 3, 2, 1]
