"""SQLite and PostgreSQL refuse and keep the same things."""

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


class TriedRow(SQLModel, table=True):
    __tablename__ = "tried"

    id: int = Field(primary_key=True)
    text: str = bounded_text(5, default="")
    paper: str = document(default="")
    number: int = safe_integer(default=0)
    at: datetime = utc_datetime(default=MOMENT)
    rate: Decimal = exact_decimal(default=Decimal(0))
    day: date = date(2027, 3, 28)


@pytest.fixture
def tried(fresh_database: str) -> Iterator[Store]:
    store = Store(fresh_database)
    with store.write() as tx:
        SQLModel.metadata.tables["tried"].create(tx.connection())
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
def test_both_databases_refuse_what_one_of_them_would(tried: Store, values: dict[str, Any]) -> None:
    with pytest.raises((StatementError, ValueError)), tried.write() as tx:
        tx.add(TriedRow(id=1, **values))
    with tried.read() as tx:
        assert tx.exec(select(TriedRow)).all() == []


def test_both_databases_give_back_what_went_in(tried: Store) -> None:
    row = TriedRow(
        id=1, text="Åse李", paper='{"a":"\\u0000"}', number=2**40, at=MOMENT, rate=Decimal("0.077000000000000001")
    )
    with tried.write() as tx:
        tx.add(row)
    with tried.read() as tx:
        kept = tx.exec(select(TriedRow)).one()
        assert (kept.text, kept.paper, kept.number, kept.rate) == (row.text, row.paper, row.number, row.rate)
        assert (kept.at, kept.at.tzinfo, kept.day) == (MOMENT, UTC, row.day)
        found = select(TriedRow).where(TriedRow.at <= MOMENT, TriedRow.at >= MOMENT, TriedRow.number == 2**40)
        assert tx.exec(found).one().id == 1


def test_instants_sort_as_instants_whatever_offset_they_came_with(tried: Store) -> None:
    with tried.write() as tx:
        for number, offset in enumerate((5, -8, 0, 2)):
            at = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=offset)))
            tx.add(TriedRow(id=number, at=at))
    with tried.read() as tx:
        assert [row.id for row in tx.exec(select(TriedRow).order_by("at"))] == [0, 3, 2, 1]
