"""Response models of change options in the native API."""

from pydantic import BaseModel, Field

from api.native.amounts import Amount, amount
from api.native.offers_schema import SupplementOut
from domain.options import LineOptions, OptionKind


class OptionOut(BaseModel):
    """One possible change of a line."""

    kind: OptionKind
    fee: Amount = Field(description="The fee of this change alone; a quote gives the total of a change.")
    tax: Amount = Field(description="Included in the fee.")
    supplements: list[SupplementOut]


class LineOptionsOut(BaseModel):
    """The possible changes of one line; none after its departure."""

    line: str
    product: str
    options: list[OptionOut]


class OptionsOut(BaseModel):
    """The options of every line of the last confirmed version."""

    lines: list[LineOptionsOut]


def options_out(lines: tuple[LineOptions, ...]) -> OptionsOut:
    """Convert change options."""
    return OptionsOut(
        lines=[
            LineOptionsOut(
                line=line.line,
                product=line.product,
                options=[
                    OptionOut(
                        kind=option.kind,
                        fee=amount(option.fee),
                        tax=amount(option.tax),
                        supplements=[
                            SupplementOut(
                                id=s.id, name=s.name, price=amount(s.price), changes_seating=s.changes_seating
                            )
                            for s in option.supplements
                        ],
                    )
                    for option in line.options
                ],
            )
            for line in lines
        ]
    )
