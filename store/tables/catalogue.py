"""The embedded providers' offer catalogue and inventory."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, safe_integer, utc_datetime


class ProductRow(SQLModel, table=True):
    """A product as loaded by the catalogue command."""

    __tablename__ = "products"

    tenant: str = bounded_text(64, primary_key=True)
    id: str = bounded_text(64, primary_key=True)
    railway_line: str | None = bounded_text(64, default=None, index=True)
    document: str = document()


class SupplementRow(SQLModel, table=True):
    """A supplement as loaded by the catalogue command."""

    __tablename__ = "supplements"

    tenant: str = bounded_text(64, primary_key=True)
    id: str = bounded_text(64, primary_key=True)
    document: str = document()


class ServiceRow(SQLModel, table=True):
    """A service: one departure of a train."""

    __tablename__ = "services"
    __table_args__ = (Index("services_day", "tenant", "day", "departs_at"),)

    tenant: str = bounded_text(64, primary_key=True)
    id: str = bounded_text(64, primary_key=True)
    railway_line: str = bounded_text(64, index=True)
    departs_at: datetime = utc_datetime()
    day: date
    cancelled: bool = False


class SeatRow(SQLModel, table=True):
    """A seat on a departure, free or not."""

    __tablename__ = "seats"

    tenant: str = bounded_text(64, primary_key=True)
    service: str = bounded_text(64, primary_key=True)
    coach: int = safe_integer(primary_key=True)
    seat: int = safe_integer(primary_key=True)
    row: int = safe_integer()
    """Seats with the same coach and row are side by side."""
    attributes: str = document(default="[]")


class SeatHoldRow(SQLModel, table=True):
    """A held or sold seat. The primary key makes it impossible to sell a seat twice."""

    __tablename__ = "seat_holds"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'confirmed')", name="state"),
        Index("seat_holds_reference", "tenant", "reference"),
        # The tenant comes second: SQLite would choose an index that begins with it and read all of the tenant's rows.
        Index("seat_holds_key", "key", "tenant"),
    )

    tenant: str = bounded_text(64, primary_key=True)
    service: str = bounded_text(64, primary_key=True)
    coach: int = safe_integer(primary_key=True)
    seat: int = safe_integer(primary_key=True)
    key: str = bounded_text(100)
    reference: str = bounded_text(100)
    state: str = bounded_text(20)
    expires_at: datetime | None = utc_datetime(default=None)


class StockHoldRow(SQLModel, table=True):
    """A held or sold unit of a product or supplement. The primary key makes it impossible to sell a unit twice."""

    __tablename__ = "stock_holds"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'confirmed')", name="state"),
        CheckConstraint("unit >= 1 AND unit <= capacity", name="capacity"),
        Index("stock_holds_reference", "tenant", "reference"),
        Index("stock_holds_key", "key", "tenant"),
    )

    tenant: str = bounded_text(64, primary_key=True)
    item: str = bounded_text(64, primary_key=True)
    place: str = bounded_text(64, primary_key=True)
    """The service, or the day as YYYY-MM-DD."""
    unit: int = safe_integer(primary_key=True)
    capacity: int = safe_integer()
    """The capacity when the unit was held: it may be lowered later."""
    key: str = bounded_text(100)
    reference: str = bounded_text(100)
    state: str = bounded_text(20)
    expires_at: datetime | None = utc_datetime(default=None)
