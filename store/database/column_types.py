"""Column types with the same behaviour on SQLite and PostgreSQL.

SQLite silently accepts NUL, over-long text, integers in text columns and naive times; PostgreSQL
raises a different error for each. These types raise ValueError before either database sees the value.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, String, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

from domain.model import MAX_NUMBER


class BoundedText(TypeDecorator[str]):
    """Text of a bounded length without NUL."""

    impl = String
    cache_ok = True

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Raise ValueError for a value that one of the two databases would refuse."""
        if value is None:
            return None
        if "\0" in value or len(value) > self.length:
            raise ValueError(f"text of at most {self.length} characters without NUL expected")
        return value


class Document(TypeDecorator[str]):
    """A JSON document, stored as text without re-encoding."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Raise ValueError for NUL, which PostgreSQL cannot store."""
        if value is not None and "\0" in value:
            raise ValueError("a document must not hold NUL")
        return value


class SafeInteger(TypeDecorator[int]):
    """A 64-bit whole number within JSON's safe range."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:
        """Raise ValueError for bool, float and numbers out of range."""
        if value is not None and (type(value) is not int or abs(value) > MAX_NUMBER):
            raise ValueError("a whole number within the safe range expected")
        return value


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: accepts aware times only and returns UTC. SQLite has no time zones, so it stores naive UTC."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Use a column with time zone on PostgreSQL."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Raise ValueError for naive times."""
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
    """A decimal fraction such as a tax rate, stored as text because SQLite would round it through a float."""

    impl = String(20)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Convert to plain digits, without an exponent."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Convert to the exact decimal."""
        return None if value is None else Decimal(value)


def bounded_text(length: int = 100, **options: Any) -> Any:
    """Declare a text column of at most `length` characters."""
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
