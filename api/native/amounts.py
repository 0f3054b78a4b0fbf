"""Amounts in the native API: decimal text with exactly the currency's decimal places, never a JSON number."""

from typing import Annotated

from pydantic import Field

from domain.money import Money

Amount = Annotated[
    str, Field(description='Decimal text in the order\'s currency, for example "299.00".', examples=["299.00"])
]
AmountIn = Annotated[
    str, Field(strict=True, pattern=r"^\d{1,13}(\.\d{1,4})?$", description='Decimal text, for example "100.00".')
]
LimitIn = Annotated[
    str,
    Field(
        strict=True,
        pattern=r"^-?\d{1,13}(\.\d{1,4})?$",
        description="The most that the request may cost beyond what is set aside already, in the order's currency; "
        "negative for at least so much back.",
        examples=["50.00"],
    ),
]
CurrencyIn = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{3}$", description="ISO 4217 code.", examples=["NOK"])]


def amount(money: Money) -> str:
    """Return an amount as decimal text."""
    return str(money)
