"""The operations of a change on an order's lines."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from domain.customers import MAX_CUSTOMERS, Customer, Distribution
from domain.model import MAX_NUMBER, Code, Flag, Model, Text
from domain.travellers import Traveller

MAX_LINES = 200
MAX_TRAVELLERS = 50
MAX_OPERATIONS = 50

BundleId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9-]{1,64}$")]
LineId = Annotated[str, StringConstraints(strict=True, pattern=r"^\d{2}-\d{6,12}-\d{1,9}$")]
Position = Annotated[int, Field(strict=True, ge=1, le=MAX_NUMBER)]
SeatName = Annotated[str, StringConstraints(strict=True, pattern=r"^\d{1,3}-\d{2,3}$")]


def _distinct(values: tuple[str, ...]) -> bool:
    return len(set(values)) == len(values)


class SupplementWish(Model):
    """A requested supplement and its count."""

    supplement: Code
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_TRAVELLERS)] = 1
    traveller: Code | None = None
    """Who gets it, on a line with several travellers; None means the line as a whole."""


class LineWish(Model):
    """A requested bundle: its travellers, seats and supplements."""

    offer_bundle_id: BundleId
    offer_id: BundleId | None = None
    """Only this offer of the bundle; None means all of its offers."""
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_TRAVELLERS)] | None = None
    """The number of lines. The bundle's travellers are used in order and repeated from the first if they are fewer."""
    traveller_ids: tuple[Code, ...] = Field(default=(), max_length=MAX_TRAVELLERS)
    """The travellers who use the bundle; empty means all travellers it is priced for."""
    travellers: tuple[Traveller, ...] = Field(default=(), max_length=MAX_TRAVELLERS)
    """Details of the bundle's travellers, as far as known."""
    seats: tuple[SeatName, ...] = Field(default=(), max_length=MAX_TRAVELLERS)
    """Seats by name, one per traveller in the bundle's order; empty means any seats, side by side if possible."""
    supplements: tuple[SupplementWish, ...] = Field(default=(), max_length=MAX_OPERATIONS)
    leave_supplements: Flag = False
    """Whether supplements that need a new unit of a limited stock are given up instead of moved."""
    external_reference: Text | None = None
    customers: tuple[Customer, ...] = Field(default=(), max_length=MAX_CUSTOMERS)
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
    """Add the lines of a bundle: one per traveller, or one for all travellers of a group product."""

    op: Literal["add_lines"]


class ReplaceLines(Model):
    """Replace lines by other bundles, n to m."""

    op: Literal["replace_lines"]
    lines: tuple[LineId, ...] = Field(min_length=1, max_length=MAX_LINES)
    with_: tuple[LineWish, ...] = Field(alias="with", min_length=1, max_length=MAX_OPERATIONS)

    @model_validator(mode="after")
    def _each_once(self) -> "ReplaceLines":
        if not _distinct(self.lines):
            raise ValueError("the same line is named twice")
        return self


class SetPosition(Model):
    """Set the bundle and the travellers at a position; what already matches is not changed.

    Lines that already have the bundle stay. Details of travellers not at the position are ignored with a warning
    (discover.swiss: update of an order item).
    """

    op: Literal["set_position"]
    position: Position
    offer_bundle_id: BundleId | None = None
    """The bundle for the position; None keeps the present one."""
    travellers: tuple[Traveller, ...] = Field(default=(), max_length=MAX_TRAVELLERS)

    @model_validator(mode="after")
    def _each_once(self) -> "SetPosition":
        if not _distinct(tuple(traveller.id for traveller in self.travellers)):
            raise ValueError("the same traveller is named twice")
        return self


class KeepPositions(Model):
    """Remove every line whose position is not listed (discover.swiss: whole-order update)."""

    op: Literal["keep_positions"]
    positions: tuple[Position, ...] = Field(max_length=MAX_LINES)


class RemoveLines(Model):
    """Remove lines, or all lines at a position; priced like a replacement by nothing."""

    op: Literal["remove_lines"]
    lines: tuple[LineId, ...] = Field(default=(), max_length=MAX_LINES)
    position: Position | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "RemoveLines":
        if bool(self.lines) == (self.position is not None):
            raise ValueError("name lines or a position")
        return self


class AddSupplements(Model):
    """Add supplements to a line."""

    op: Literal["add_supplements"]
    line: LineId
    supplements: tuple[SupplementWish, ...] = Field(min_length=1, max_length=MAX_OPERATIONS)
    customers: tuple[Customer, ...] = Field(default=(), max_length=MAX_CUSTOMERS)


class SetTravellers(Model):
    """Complete or correct the details of travellers on the order."""

    op: Literal["set_travellers"]
    travellers: tuple[Traveller, ...] = Field(min_length=1, max_length=MAX_TRAVELLERS)

    @model_validator(mode="after")
    def _each_once(self) -> "SetTravellers":
        if not _distinct(tuple(traveller.id for traveller in self.travellers)):
            raise ValueError("the same traveller is named twice")
        return self


Operation = Annotated[
    AddLines | ReplaceLines | SetPosition | KeepPositions | RemoveLines | AddSupplements | SetTravellers,
    Field(discriminator="op"),
]
