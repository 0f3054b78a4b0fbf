"""Orders and their versioned rows. Versioned rows are never edited or deleted."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import SQLModel

from store.database.column_types import bounded_text, document, exact_decimal, safe_integer, utc_datetime

_HELD = text("state = 'held'")
_DRAFT = text("draft_opened_by IS NOT NULL")
_NOT_ERASED = text("erased_at IS NULL")


class CounterRow(SQLModel, table=True):
    """A counter that only increases."""

    __tablename__ = "counters"

    tenant: str = bounded_text(64)
    name: str = bounded_text(40, primary_key=True)
    value: int = safe_integer()


class OrderRow(SQLModel, table=True):
    """An order: its status, draft, deadline and counters."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("version >= 1 AND confirmed_version >= 0 AND confirmed_version <= version", name="versions"),
        CheckConstraint("status IN ('draft', 'confirmed', 'expired', 'cancelled')", name="status"),
        Index("orders_latest", "tenant", "created_at", "number"),
        Index("orders_reference", "tenant", "external_reference"),
        Index("orders_drafts", "tenant", "expires_at", sqlite_where=_DRAFT, postgresql_where=_DRAFT),
        Index("orders_not_erased", "tenant", "number", sqlite_where=_NOT_ERASED, postgresql_where=_NOT_ERASED),
    )

    tenant: str = bounded_text(64, index=True)
    number: str = bounded_text(20, primary_key=True)
    currency: str = bounded_text(3)
    distribution_channel: str | None = bounded_text(64, default=None)
    point_of_sale: str | None = bounded_text(100, default=None)
    external_reference: str | None = bounded_text(100, default=None)
    time_zone: str = bounded_text(64, default="UTC")
    status: str = bounded_text(20, default="draft")
    version: int = safe_integer(default=1)
    confirmed_version: int = safe_integer(default=0)
    draft_opened_by: str | None = bounded_text(64, default=None)
    expires_at: datetime | None = utc_datetime(default=None)
    expires_asked: datetime | None = utc_datetime(default=None)
    """The deadline that a client set for the draft."""
    deadline_limit: str | None = document(default=None)
    """The latest deadline that the draft's lines allow, with the line that sets it, as JSON."""
    tax_rounding: str = bounded_text(10, default="line")
    last_event: int = safe_integer(default=0)
    next_line: int = safe_integer(default=1)
    next_position: int = safe_integer(default=1)
    created_at: datetime = utc_datetime()
    last_confirmed_at: datetime | None = utc_datetime(default=None)
    created_by: str | None = bounded_text(64, default=None)
    """The change that created the order; None for an order that was created empty."""
    expires_with_offers: bool = False
    """Whether the draft expires with its first expiring offer if that is earlier than the deadline (discover.swiss)."""
    abandoned: bool = False
    """Whether the creating change was refused: the order then counts as not existing."""
    erased_at: datetime | None = utc_datetime(default=None)
    """When personal data was erased; the order then refuses all requests."""


class Versioned(SQLModel):
    """The change and version that added a row, and those that removed it. `undone` once the adding change is undone."""

    added_by: str = bounded_text(64)
    added_in: int = safe_integer()
    removed_by: str | None = bounded_text(64, default=None)
    removed_in: int | None = safe_integer(default=None)
    undone: bool = False


class LineRow(Versioned, table=True):
    """An order line."""

    __tablename__ = "order_lines"

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    id: str = bounded_text(40, primary_key=True)
    number: int = safe_integer()
    position: int = safe_integer()
    product: str = bounded_text(64)
    service: str | None = bounded_text(64, default=None)
    valid_from: datetime = utc_datetime()
    first_day: date
    valid_until: datetime | None = utc_datetime(default=None)
    last_day: date | None = None
    travellers: str = document()
    price_minor: int = safe_integer()
    tax_rate: Decimal = exact_decimal()
    change_fee_minor: int = safe_integer()
    returnable_until: str = bounded_text(10)
    sold_until: str = bounded_text(10)
    offer_bundle: str | None = bounded_text(64, default=None)
    offer: str | None = bounded_text(64, default=None)
    supplement_of: str | None = bounded_text(40, default=None)
    seats: str = document()
    """A list of travellers, each with the id of a reservation."""
    units: str = document(default="[]")
    """The ids of its reservations that are units of stock."""
    age_bands: str | None = document(default=None)
    replaces: str = document()
    sale: str = bounded_text(40)
    """The line that was sold: this one, or the one whose sale it carries on."""
    restored_by: str | None = bounded_text(64, default=None)
    """The change that went back to this line, after an earlier one of the same draft had given it up."""
    external_reference: str | None = bounded_text(100, default=None)
    customers: str | None = document(default=None)
    distribution: str | None = document(default=None)


class TravellerRow(Versioned, table=True):
    """A traveller with the details that one change set."""

    __tablename__ = "order_travellers"

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, primary_key=True, foreign_key="orders.number")
    traveller: str = bounded_text(64, primary_key=True)
    added_by: str = bounded_text(64, primary_key=True)
    given_name: str | None = bounded_text(100, default=None)
    family_name: str | None = bounded_text(100, default=None)
    birth_date: date | None = None
    salutation: str | None = bounded_text(20, default=None)
    gender: str | None = bounded_text(20, default=None)
    nationality: str | None = bounded_text(3, default=None)
    passport: str | None = bounded_text(100, default=None)


class FeeRow(Versioned, table=True):
    """A fee of an order, separate from its lines."""

    __tablename__ = "order_fees"

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    id: str = bounded_text(120, primary_key=True)
    kind: str = bounded_text(30)
    amount_minor: int = safe_integer()
    tax_rate: Decimal = exact_decimal()
    line: str | None = bounded_text(40, default=None)


class PriceGroupRow(Versioned, table=True):
    """Lines of a draft that are priced together, and whether their surplus is paid back."""

    __tablename__ = "price_groups"

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    id: str = bounded_text(80, primary_key=True)
    given_up: str = document()
    taken: str = document()
    refund: bool | None = None


class ReservationRow(SQLModel, table=True):
    """A seat or a unit of stock reserved for an order, as its provider reported it."""

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'confirmed', 'released')", name="state"),
        CheckConstraint(
            "(item IS NULL) = (coach IS NOT NULL AND seat IS NOT NULL AND service IS NOT NULL)", name="seat"
        ),
        CheckConstraint("item IS NULL OR (service IS NULL) <> (day IS NULL)", name="unit"),
        Index("reservations_held", "client", sqlite_where=_HELD, postgresql_where=_HELD),
        Index("reservations_reference", "reference"),
        Index("reservations_seat", "service", "coach", "seat"),
    )

    tenant: str = bounded_text(64)
    order_number: str = bounded_text(20, foreign_key="orders.number", index=True)
    id: str = bounded_text(40, primary_key=True)
    number: int = safe_integer()
    client: str = bounded_text(64, default="")
    """The client whose change holds the seat; empty without authentication."""
    key: str = bounded_text(100, index=True)
    reference: str = bounded_text(100)
    service: str | None = bounded_text(64, default=None)
    coach: int | None = safe_integer(default=None)
    seat: int | None = safe_integer(default=None)
    item: str | None = bounded_text(64, default=None)
    """The product or supplement of a unit; None for a seat."""
    day: date | None = None
    """The day of a unit without a service."""
    state: str = bounded_text(20)
    expires_at: datetime | None = utc_datetime(default=None)
    shortened: bool = False
    """Whether the provider holds it for less time than requested."""
