"""The plan builder: collects lines, seats and travellers while the operations of a change are planned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.changes import ChangeRequest, IgnoredField, ReplacedLines
from domain.offers import OfferBundle, Service
from domain.operations import MAX_LINES, KeepPositions, SetPosition
from domain.orders import Order, OrderLine, OrderStatus
from domain.planning.plan import Plan, PlannedLine, SeatWish
from domain.products import Product, Supplement
from domain.refusals import LinesOverlap, TooManyLines
from domain.travellers import Traveller


@dataclass(frozen=True)
class CatalogueSlice:
    """The part of the catalogue that one change needs."""

    bundles: Mapping[str, OfferBundle]
    products: Mapping[str, Product]
    supplements: Mapping[str, Supplement]
    services: Mapping[str, Service]


@dataclass
class PlanBuilder:
    """A plan under construction, with the results of the operations planned so far."""

    order: Order
    catalogue: CatalogueSlice
    next_line: int
    next_position: int
    adds: list[PlannedLine] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)
    seats: list[SeatWish] = field(default_factory=list)
    replaced: list[ReplacedLines] = field(default_factory=list)
    warnings: list[IgnoredField] = field(default_factory=list)
    travellers: dict[str, Traveller] = field(default_factory=dict)
    """Travellers this change adds or alters, with their new details."""
    priced_on: dict[str, date] = field(default_factory=dict)
    """The birth date for which each traveller's offers were priced."""
    current_position: int | None = None
    """The position that the current operation changes, or None."""

    def new_line_id(self) -> str:
        """Return the next free line id; line numbers are never reused, not even those of an undone change."""
        self.next_line += 1
        return f"{self.order.number}-{self.next_line - 1}"

    def add(self, lines: Sequence[PlannedLine]) -> None:
        """Add lines; TooManyLines when this change alone adds more lines than an order may have."""
        self.adds.extend(lines)
        if len(self.adds) > MAX_LINES:
            raise TooManyLines

    def new_position(self) -> int:
        """Return the next free position."""
        self.next_position += 1
        return self.next_position - 1

    def remove(self, lines: tuple[OrderLine, ...]) -> None:
        """Remove live lines; LinesOverlap when another operation of this change removes one of them."""
        self.keep(lines)
        self.removes.extend(dict.fromkeys(line.id for line in lines))

    def keep(self, lines: tuple[OrderLine, ...]) -> None:
        """Check that lines stay; LinesOverlap when another operation of this change removes one of them."""
        if any(line.id in self.removes for line in lines):
            raise LinesOverlap

    def traveller(self, traveller_id: str) -> Traveller:
        """Return a traveller with the details planned so far; a new one when the order has none with the id."""
        known = {each.id: each for each in self.order.aboard} | self.travellers
        return known.get(traveller_id) or Traveller(id=traveller_id)

    def set_traveller(self, traveller: Traveller) -> None:
        """Set a traveller's new details; no entry when they equal those on the order."""
        if traveller in self.order.travellers:
            self.travellers.pop(traveller.id, None)
        else:
            self.travellers[traveller.id] = traveller

    def warn(self, code: str, traveller: str, name: str) -> None:
        """Add a warning that a field of a traveller was ignored."""
        self.warnings.append(IgnoredField(code=code, traveller=traveller, field=name, position=self.current_position))

    def build(self, request: ChangeRequest) -> Plan:
        """Return the plan. Raises TooManyLines when the order grows beyond the maximum number of lines."""
        before = len(self.order.live_lines)
        after = before + len(self.adds) - len(self.removes)
        if after > max(before, MAX_LINES):
            raise TooManyLines
        confirmed = self.order.status is OrderStatus.CONFIRMED
        changes = bool(self.adds or self.removes or self.travellers)
        sets_state = all(isinstance(each, SetPosition | KeepPositions) for each in request.operations)
        return Plan(
            no_op=sets_state and not changes and not request.confirm,
            version=self.order.version + 1 if confirmed else self.order.version,
            adds=tuple(self.adds),
            removes=tuple(self.removes),
            travellers=tuple(self.travellers.values()),
            seats=tuple(self.seats),
            replaced=tuple(self.replaced),
            warnings=tuple(self.warnings),
            refund_price_difference=request.refund_price_difference,
            confirm=request.confirm,
            next_line=self.next_line,
            next_position=self.next_position,
        )
