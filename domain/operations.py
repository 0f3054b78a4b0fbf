"""What a change asks for, as named line operations."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from domain.customers import MOST_CUSTOMERS, Customer, Distribution
from domain.model import LARGEST_NUMBER, Code, Model, Text
from domain.travellers import Traveller

MOST_LINES = 200
MOST_TRAVELLERS = 50
MOST_OPERATIONS = 50

BundleId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9-]{1,64}$")]
LineId = Annotated[str, StringConstraints(strict=True, pattern=r"^\d{2}-\d{6,12}-\d{1,9}$")]
Position = Annotated[int, Field(strict=True, ge=1, le=LARGEST_NUMBER)]
SeatName = Annotated[str, StringConstraints(strict=True, pattern=r"^\d{1,3}-\d{2,3}$")]


def _distinct(values: tuple[str, ...]) -> bool:
    return len(set(values)) == len(values)


class SupplementWish(Model):
    """A supplement by its id, once or several times."""

    supplement: Code
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_TRAVELLERS)] = 1


class LineWish(Model):
    """A bundle to be taken: for whom, in which seats, with what on top."""

    offer_bundle_id: BundleId
    offer_id: BundleId | None = None
    """Only this offer of the bundle; none named means all of them."""
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_TRAVELLERS)] | None = None
    """That many lines: the mapped travellers in order, from the first again when they are fewer."""
    traveller_ids: tuple[Code, ...] = Field(default=(), max_length=MOST_TRAVELLERS)
    """Who uses it; nobody named means everybody the bundle maps."""
    travellers: tuple[Traveller, ...] = Field(default=(), max_length=MOST_TRAVELLERS)
    """Details of its travellers, as far as known."""
    seats: tuple[SeatName, ...] = Field(default=(), max_length=MOST_TRAVELLERS)
    """Seats by name, one per traveller in the bundle's order; none named means any, side by side if possible."""
    supplements: tuple[SupplementWish, ...] = Field(default=(), max_length=MOST_OPERATIONS)
    external_reference: Text | None = None
    customers: tuple[Customer, ...] = Field(default=(), max_length=MOST_CUSTOMERS)
    distribution: Distribution | None = None

    @model_validator(mode="after")
    def _counted_or_chosen(self) -> "LineWish":
        if self.count is not None and self.traveller_ids:
            raise ValueError("a count cannot be combined with chosen travellers")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> "LineWish":
        ids = tuple(traveller.id for traveller in self.travellers)
        if not (_distinct(ids) and _distinct(self.traveller_ids) and _distinct(self.seats)):
            raise ValueError("the same traveller or seat is named twice")
        return self


class AddLines(LineWish):
    """Take a bundle: one line per traveller, or one for all of a group product."""

    op: Literal["add_lines"]


class ReplaceLines(Model):
    """Put other bundles in the place of lines, n to m."""

    op: Literal["replace_lines"]
    lines: tuple[LineId, ...] = Field(min_length=1, max_length=MOST_LINES)
    with_: tuple[LineWish, ...] = Field(alias="with", min_length=1, max_length=MOST_OPERATIONS)

    @model_validator(mode="after")
    def _each_once(self) -> "ReplaceLines":
        if not _distinct(self.lines):
            raise ValueError("the same line is named twice")
        return self


class SetPosition(Model):
    """Bring what is at a position to what is asked, as far as it is not so already.

    Lines that carry the bundle stay; details of travellers who are not there are ignored with a warning
    (discover.swiss: update of an order item).
    """

    op: Literal["set_position"]
    position: Position
    offer_bundle_id: BundleId | None = None
    """The bundle to be there; none named keeps what is there."""
    travellers: tuple[Traveller, ...] = Field(default=(), max_length=MOST_TRAVELLERS)

    @model_validator(mode="after")
    def _each_once(self) -> "SetPosition":
        if not _distinct(tuple(traveller.id for traveller in self.travellers)):
            raise ValueError("the same traveller is named twice")
        return self


class KeepPositions(Model):
    """Take everything off the order that is at no position named (discover.swiss: whole-order update)."""

    op: Literal["keep_positions"]
    positions: tuple[Position, ...] = Field(max_length=MOST_LINES)


class RemoveLines(Model):
    """Take lines off the order, or all at a position: priced as replaced by nothing."""

    op: Literal["remove_lines"]
    lines: tuple[LineId, ...] = Field(default=(), max_length=MOST_LINES)
    position: Position | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "RemoveLines":
        if bool(self.lines) == (self.position is not None):
            raise ValueError("name lines or a position")
        return self


class AddSupplements(Model):
    """Sell supplements on top of a line."""

    op: Literal["add_supplements"]
    line: LineId
    supplements: tuple[SupplementWish, ...] = Field(min_length=1, max_length=MOST_OPERATIONS)
    customers: tuple[Customer, ...] = Field(default=(), max_length=MOST_CUSTOMERS)


class SetTravellers(Model):
    """Complete or correct the details of travellers on the order."""

    op: Literal["set_travellers"]
    travellers: tuple[Traveller, ...] = Field(min_length=1, max_length=MOST_TRAVELLERS)

    @model_validator(mode="after")
    def _each_once(self) -> "SetTravellers":
        if not _distinct(tuple(traveller.id for traveller in self.travellers)):
            raise ValueError("the same traveller is named twice")
        return self


Operation = Annotated[
    AddLines | ReplaceLines | SetPosition | KeepPositions | RemoveLines | AddSupplements | SetTravellers,
    Field(discriminator="op"),
]
