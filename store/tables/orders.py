"""Orders, and everything on them that has versions. Such rows are never edited or deleted."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import SQLModel

from store.database.column_types import document, exact, moment, whole, words

_HELD = text("state = 'held'")
_DRAFT = text("draft_opened_by IS NOT NULL")
_NOT_ERASED = text("erased_at IS NULL")


class CounterRow(SQLModel, table=True):
    """A number that only grows."""

    __tablename__ = "counters"

    tenant: str = words(64)
    name: str = words(40, primary_key=True)
    value: int = whole()


class OrderRow(SQLModel, table=True):
    """An order's head: where it stands, its deadline and its counters."""

    __tablename__ = "orders"
    __table_args__ = (
        CheckConstraint("version >= 1 AND confirmed_version >= 0 AND confirmed_version <= version", name="versions"),
        CheckConstraint("status IN ('draft', 'confirmed', 'expired', 'cancelled')", name="status"),
        Index("orders_latest", "tenant", "created_at", "number"),
        Index("orders_reference", "tenant", "external_reference"),
        Index("orders_drafts", "tenant", "expires_at", sqlite_where=_DRAFT, postgresql_where=_DRAFT),
        Index("orders_not_erased", "tenant", "number", sqlite_where=_NOT_ERASED, postgresql_where=_NOT_ERASED),
    )

    tenant: str = words(64, index=True)
    number: str = words(20, primary_key=True)
    currency: str = words(3)
    distribution_channel: str | None = words(64, default=None)
    point_of_sale: str | None = words(100, default=None)
    external_reference: str | None = words(100, default=None)
    time_zone: str = words(64, default="UTC")
    status: str = words(20, default="draft")
    version: int = whole(default=1)
    confirmed_version: int = whole(default=0)
    draft_opened_by: str | None = words(64, default=None)
    expires_at: datetime | None = moment(default=None)
    expires_fixed: bool = False
    last_event: int = whole(default=0)
    next_line: int = whole(default=1)
    next_position: int = whole(default=1)
    created_at: datetime = moment()
    last_confirmed_at: datetime | None = moment(default=None)
    created_by: str | None = words(64, default=None)
    """The change that brought it into being; None for an order created empty on purpose."""
    expires_with_offers: bool = False
    """Whether its draft ends with the first offer on it, where that is earlier (discover.swiss)."""
    abandoned: bool = False
    """Whether that change was refused: then there is no such order."""
    erased_at: datetime | None = moment(default=None)
    """When its people were erased; it takes no more requests."""


class Versioned(SQLModel):
    """Which change added a row and which removed it, in which version; undone when its change was."""

    added_by: str = words(64)
    added_in: int = whole()
    removed_by: str | None = words(64, default=None)
    removed_in: int | None = whole(default=None)
    undone: bool = False


class LineRow(Versioned, table=True):
    """An order line."""

    __tablename__ = "order_lines"

    tenant: str = words(64)
    order_number: str = words(20, foreign_key="orders.number", index=True)
    id: str = words(40, primary_key=True)
    number: int = whole()
    position: int = whole()
    product: str = words(64)
    service: str | None = words(64, default=None)
    valid_from: datetime = moment()
    first_day: date
    travellers: str = document()
    price_minor: int = whole()
    tax_rate: Decimal = exact()
    change_fee_minor: int = whole()
    offer_bundle: str | None = words(64, default=None)
    offer: str | None = words(64, default=None)
    supplement_of: str | None = words(40, default=None)
    reservations: str = document()
    replaces: str = document()
    external_reference: str | None = words(100, default=None)
    customers: str | None = document(default=None)
    distribution: str | None = document(default=None)


class TravellerRow(Versioned, table=True):
    """A traveller as one change left them."""

    __tablename__ = "order_travellers"

    tenant: str = words(64)
    order_number: str = words(20, primary_key=True, foreign_key="orders.number")
    traveller: str = words(64, primary_key=True)
    added_by: str = words(64, primary_key=True)
    given_name: str | None = words(100, default=None)
    family_name: str | None = words(100, default=None)
    birth_date: date | None = None
    salutation: str | None = words(20, default=None)
    gender: str | None = words(20, default=None)
    nationality: str | None = words(3, default=None)
    passport: str | None = words(100, default=None)


class FeeRow(Versioned, table=True):
    """A fee beside the lines."""

    __tablename__ = "order_fees"

    tenant: str = words(64)
    order_number: str = words(20, foreign_key="orders.number", index=True)
    id: str = words(120, primary_key=True)
    kind: str = words(30)
    amount_minor: int = whole()
    tax_rate: Decimal = exact()
    line: str | None = words(40, default=None)


class ReservationRow(SQLModel, table=True):
    """A seat kept for an order, as the seat provider told us."""

    __tablename__ = "reservations"
    __table_args__ = (
        CheckConstraint("state IN ('held', 'confirmed', 'released')", name="state"),
        Index("reservations_held", "client", sqlite_where=_HELD, postgresql_where=_HELD),
    )

    tenant: str = words(64)
    order_number: str = words(20, foreign_key="orders.number", index=True)
    id: str = words(40, primary_key=True)
    number: int = whole()
    client: str = words(64, default="")
    """Whose change has it; empty where nobody is asked who they are."""
    key: str = words(100, index=True)
    reference: str = words(100)
    service: str = words(64)
    coach: int = whole()
    seat: int = whole()
    state: str = words(20)
    expires_at: datetime | None = moment(default=None)
