"""Change options on the native wire."""

from pydantic import BaseModel, Field

from api.native.amounts import Amount, amount
from api.native.offers_schema import SupplementOut
from domain.options import LineOptions, OptionKind


class OptionOut(BaseModel):
    """One thing that may be done with a line."""

    kind: OptionKind
    fee: Amount = Field(description="What doing it costs by itself; the quote says what a change costs in all.")
    tax: Amount = Field(description="Included in the fee.")
    supplements: list[SupplementOut]


class LineOptionsOut(BaseModel):
    """What may be done with one line; nothing once its departure has left."""

    line: str
    product: str
    options: list[OptionOut]


class OptionsOut(BaseModel):
    """The options of every line of the last confirmed version."""

    lines: list[LineOptionsOut]


def options_out(lines: tuple[LineOptions, ...]) -> OptionsOut:
    """Return options as they go over the wire."""
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
