"""A sold order with all its rows in every table: a store is filled with copies of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, SQLModel, col, select

from store.tables import (
    BundleRow,
    ChangeRow,
    EmbeddedPaymentRow,
    EventRow,
    FeeRow,
    LedgerRow,
    LineRow,
    MoveRow,
    OfferRow,
    OrderRow,
    PaymentRow,
    ReservationRow,
    SeatHoldRow,
    StepRecordRow,
    TravellerRow,
)

Row = Mapping[str, Any]

_OF_ORDER = (
    ChangeRow,
    LineRow,
    TravellerRow,
    FeeRow,
    StepRecordRow,
    EventRow,
    PaymentRow,
    LedgerRow,
    MoveRow,
    ReservationRow,
)
_IDS = ((ChangeRow, "id"), (ChangeRow, "idempotency_key"), (ChangeRow, "correlation_id"), (BundleRow, "id"))


@dataclass(frozen=True)
class Template:
    """An order's rows by table; referenced tables come first."""

    number: str
    rows: Mapping[type[SQLModel], Sequence[Row]]

    @property
    def ids(self) -> tuple[str, ...]:
        """Every id that must be different in each copy."""
        ids = [row[name] for table, name in (*_IDS, (OfferRow, "id")) for row in self.rows[table]]
        return tuple(dict.fromkeys(each for each in ids if each))

    @property
    def services(self) -> tuple[str, ...]:
        """The services on which the order has seats."""
        return tuple(dict.fromkeys(row["service"] for row in self.rows[ReservationRow]))

    @property
    def counts(self) -> dict[str, int]:
        """The number of its rows by table."""
        return {str(table.__tablename__): len(rows) for table, rows in self.rows.items()}


def template(tx: Session, number: str) -> Template:
    """Read all rows of a sold order."""
    rows_by_table: dict[type[SQLModel], list[Row]] = {OrderRow: [_row(tx.get_one(OrderRow, number))]}
    for table in _OF_ORDER:
        rows_by_table[table] = _rows(tx, table, "order_number", [number])
    rows_by_table[EmbeddedPaymentRow] = _rows(
        tx, EmbeddedPaymentRow, "key", [row["key"] for row in rows_by_table[PaymentRow]]
    )
    rows_by_table[SeatHoldRow] = _rows(
        tx, SeatHoldRow, "reference", [row["reference"] for row in rows_by_table[ReservationRow]]
    )
    rows_by_table[BundleRow] = _rows(tx, BundleRow, "id", [row["offer_bundle"] for row in rows_by_table[LineRow]])
    rows_by_table[OfferRow] = _rows(tx, OfferRow, "bundle", [row["id"] for row in rows_by_table[BundleRow]])
    return Template(number, rows_by_table)


def _rows(tx: Session, table: type[SQLModel], name: str, values: Sequence[str]) -> list[Row]:
    return [_row(each) for each in tx.exec(select(table).where(col(getattr(table, name)).in_(values)))]


def _row(row: SQLModel) -> Row:
    return row.model_dump()
