"""Money on the native wire: decimal text with exactly the currency's places, never a number."""

from typing import Annotated

from pydantic import Field

from domain.money import Money

Amount = Annotated[
    str, Field(description='Decimal text in the order\'s currency, such as "299.00".', examples=["299.00"])
]
AmountIn = Annotated[
    str, Field(strict=True, pattern=r"^\d{1,13}(\.\d{1,4})?$", description='Decimal text such as "100.00".')
]
CurrencyIn = Annotated[str, Field(strict=True, pattern=r"^[A-Z]{3}$", description="ISO 4217.", examples=["NOK"])]


def amount(money: Money) -> str:
    """Return an amount as it is written on the wire."""
    return str(money)
