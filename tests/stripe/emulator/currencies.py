"""Amounts of money: https://docs.stripe.com/currencies. An amount is in the smallest unit that the API knows."""

from tests.stripe.emulator.errors import ApiError, invalid
from tests.stripe.emulator.settings import MINIMUMS, Settings

ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
WHOLE_UNITS = frozenset(["isk", "ugx"])
"""Currencies without decimals that the API takes with two, both of them 0, for backward compatibility."""
KNOWN = frozenset(MINIMUMS) | ZERO_DECIMAL | THREE_DECIMAL | WHOLE_UNITS


def check_currency(currency: str) -> None:
    """Raise if a currency is unknown, or not in lower case."""
    if currency not in KNOWN:
        raise invalid(f"Invalid currency: {currency}.", "currency")


def check_steps(amount: int, currency: str) -> None:
    """Raise if an amount has digits that must be 0: the last of three decimals, both of a currency without any."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS else 1
    if amount % step:
        raise ApiError(400, f"Invalid integer: {amount} must be divisible by {step} in {currency}.", param="amount")


def check_amount(amount: int, currency: str, settings: Settings) -> None:
    """Raise if a payment's amount is too small, too large or not payable in its currency."""
    check_steps(amount, currency)
    if amount < settings.minimums.get(currency, 1):
        raise ApiError(
            400, f"Amount must be at least {settings.minimums[currency]}", code="amount_too_small", param="amount"
        )
    if amount > settings.maximum:
        raise ApiError(400, f"Amount must be no more than {settings.maximum}", code="amount_too_large", param="amount")
