"""Column types that make SQLite and PostgreSQL agree, each gap closed once, here.

SQLite takes NUL, over-long text, integers into text and naive times without a word; PostgreSQL
raises, each time differently. These types raise ValueError before either database is asked.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

from domain.model import LARGEST_NUMBER


class BoundedText(TypeDecorator[str]):
    """Text of a bounded length without NUL."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what one of the two databases would."""
        if value is None:
            return None
        if "\0" in value or len(value) > self.length:
            raise ValueError(f"text of at most {self.length} characters without NUL expected")
        return value


class Document(TypeDecorator[str]):
    """A JSON document, kept as the text it was written as."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse NUL, which PostgreSQL cannot hold."""
        if value is not None and "\0" in value:
            raise ValueError("a document must not hold NUL")
        return value


class SafeInteger(TypeDecorator[int]):
    """A whole number, 64 bits on both, within JSON's safe range."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Refuse bool, float and what does not fit."""
        if value is not None and (type(value) is not int or abs(value) > LARGEST_NUMBER):
            raise ValueError("a whole number within the safe range expected")
        return value


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware on the way in, UTC on the way out. SQLite has no time zones, so UTC goes in."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Keep the time zone where the database can."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an aware time expected")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """A decimal fraction such as a tax rate, kept as text: SQLite would round it through a float."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Write it as plain digits."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Read it exactly."""
        return None if value is None else Decimal(value)


def bounded_text(length: int = 100, **options: Any) -> Any:
    """Declare a text column of at most this many characters."""
    return Field(sa_type=BoundedText(length), **options)


def document(**options: Any) -> Any:
    """Declare a JSON document column."""
    return Field(sa_type=Document, **options)


def safe_integer(**options: Any) -> Any:
    """Declare a whole-number column."""
    return Field(sa_type=SafeInteger, **options)


def utc_datetime(**options: Any) -> Any:
    """Declare an instant column."""
    return Field(sa_type=UtcDateTime, **options)


def exact_decimal(**options: Any) -> Any:
    """Declare a decimal-fraction column."""
    return Field(sa_type=ExactDecimal, **options)
