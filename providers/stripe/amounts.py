"""Amounts in the units of Stripe's API, which differ from ISO 4217 for some currencies.

Source: https://docs.stripe.com/currencies.
"""

from domain.currencies import EXPONENTS
from domain.money import Money
from providers.errors import ProviderUnavailableError

_ZERO_DECIMAL = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
_THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_STEPS = {**dict.fromkeys(_THREE_DECIMAL, 10), "ISK": 100, "UGX": 100}
"""Amounts that the API takes are multiples: the last of three decimals is 0, and both of ISK and UGX."""
_UNKNOWN = frozenset(["IQD", "LYD"])
"""Of these three-decimal currencies the documentation does not give the unit."""


class UnpayableAmountError(ValueError):
    """Stripe cannot move this amount exactly."""


def to_stripe(amount: Money) -> int:
    """Return an amount in the API's units. Raises UnpayableAmountError; nothing is ever rounded."""
    currency = amount.currency
    if currency in _UNKNOWN or amount.minor <= 0:
        raise UnpayableAmountError
    units, rest = divmod(amount.minor * _scale(_exponent(currency)), _scale(EXPONENTS[currency]))
    if rest or units % _STEPS.get(currency, 1):
        raise UnpayableAmountError
    return units


def from_stripe(units: int, currency: str) -> Money:
    """Return what the API calls so many units of a currency in lower case.

    Raises ProviderUnavailableError if it is an amount that we cannot have sent.
    """
    code = currency.upper()
    if code in _UNKNOWN or code not in EXPONENTS:
        raise ProviderUnavailableError("unknown currency")
    minor, rest = divmod(units * _scale(EXPONENTS[code]), _scale(_exponent(code)))
    if rest:
        raise ProviderUnavailableError("a part of the smallest unit")
    return Money(minor, code)


def _exponent(currency: str) -> int:
    return 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2


def _scale(exponent: int) -> int:
    return int(10**exponent)
