"""Money in whole minor units of one currency, and the tax included in a price."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from domain.currencies import EXPONENTS
from domain.model import MAX_NUMBER

_DECIMAL = re.compile(r"(-?)(\d{1,16})(?:\.(\d{1,4}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (29900) of an ISO 4217 currency ("NOK"). Never a float.

    Arithmetic between two currencies raises ValueError: amounts are never netted across currencies.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int or abs(self.minor) > MAX_NUMBER:
            raise ValueError("an amount is a whole number of minor units")
        if self.currency not in EXPONENTS:
            raise ValueError("unknown currency")

    def _check_same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError("amounts in two currencies cannot be combined")

    def __add__(self, other: "Money") -> "Money":
        self._check_same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._check_same_currency(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._check_same_currency(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        self._check_same_currency(other)
        return self.minor <= other.minor

    def __str__(self) -> str:
        """Return the decimal text with exactly the currency's places: "299.00", "-5", "1.250"."""
        places = EXPONENTS[self.currency]
        return str(Decimal(self.minor).scaleb(-places).quantize(Decimal(1).scaleb(-places)))

    @property
    def display(self) -> str:
        """The amount with its currency, for people: "299.00 NOK"."""
        return f"{self} {self.currency}"


def zero(currency: str) -> Money:
    """Return the amount zero in a currency."""
    return Money(0, currency)


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Return the sum of amounts; ValueError when one is in another currency."""
    result = zero(currency)
    for amount in amounts:
        result += amount
    return result


def parse_money(text: str, currency: str) -> Money:
    """Read decimal text such as "299.00"; ValueError unless it has exactly the currency's places."""
    if currency not in EXPONENTS:
        raise ValueError("unknown currency")
    match = _DECIMAL.fullmatch(text)
    places = EXPONENTS[currency]
    if match is None or len(match[3] or "") != places:
        raise ValueError(f"must be a decimal number with {places} decimal places")
    minor = int(match[2] + (match[3] or ""))
    return Money(-minor if match[1] else minor, currency)


def included_tax(gross: Money, rate: Decimal) -> Money:
    """Return the tax included in a gross price: gross x rate / (1 + rate), half up to the minor unit.

    Travel prices include tax; rounding is commercial (half away from zero) and done per line.
    """
    exact = Decimal(gross.minor) * rate / (1 + rate)
    return Money(int(exact.to_integral_value(ROUND_HALF_UP)), gross.currency)
