"""Response models of taxes in the native API."""

from collections.abc import Iterable

from pydantic import BaseModel, Field

from api.native.amounts import Amount, amount
from domain.taxes import TaxPerRate


class TaxOut(BaseModel):
    """The part of an amount that is taxed at one rate."""

    rate: str = Field(examples=["0.12"])
    base: Amount = Field(description="Without the tax. Bases and taxes of all rates add up to the amount.")
    tax: Amount


def taxes_out(taxes: Iterable[TaxPerRate]) -> list[TaxOut]:
    """Convert base and tax of each rate."""
    return [TaxOut(rate=str(each.rate), base=amount(each.base), tax=amount(each.tax)) for each in taxes]
