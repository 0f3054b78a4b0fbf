"""The plan builder: collects lines, seats and travellers while the operations of a change are planned."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.changes import ChangeRequest, ChangeWarning, ReplacedLines
from domain.offers import OfferBundle, Service
from domain.operations import MAX_LINES
from domain.orders import Order, OrderLine, OrderStatus
from domain.planning.plan import PlannedLine, SeatWish, StockWish
from domain.products import Product, Supplement
from domain.refusals import LinesOverlap, Refusal, TooManyLines
from domain.travellers import Traveller

Line = OrderLine | PlannedLine


@dataclass(frozen=True)
class CatalogueSlice:
    """The part of the catalogue that one change needs."""

    bundles: Mapping[str, OfferBundle]
    products: Mapping[str, Product]
    supplements: Mapping[str, Supplement]
    services: Mapping[str, Service]


@dataclass
class Movement:
    """What one part of a request gives up and takes, which is priced together."""

    given_up: list[OrderLine] = field(default_factory=list)
    taken: list[PlannedLine] = field(default_factory=list)


@dataclass
class PlanBuilder:
    """A plan under construction, with the results of the operations planned so far."""

    order: Order
    request: ChangeRequest
    catalogue: CatalogueSlice
    next_line: int
    next_position: int
    adds: dict[str, PlannedLine] = field(default_factory=dict)
    removes: dict[str, None] = field(default_factory=dict)
    restores: dict[str, None] = field(default_factory=dict)
    seats: list[SeatWish] = field(default_factory=list)
    stock: list[StockWish] = field(default_factory=list)
    replaced: list[ReplacedLines] = field(default_factory=list)
    current_operation: int | None = None
    """The index of the operation being planned."""
    warnings: list[ChangeWarning] = field(default_factory=list)
    travellers: dict[str, Traveller] = field(default_factory=dict)
    """Travellers this change adds or alters, with their new details."""
    priced_on: dict[str, date] = field(default_factory=dict)
    """The birth date for which each traveller's offers were priced."""
    replacement: Movement = field(default_factory=Movement)
    """All replacements of one request are priced together."""
    movements: list[Movement] = field(default_factory=list)
    """Removals, additions and supplements, each priced by itself."""
    product_refusals: list[Refusal] = field(default_factory=list)
    """Refusals about products, which come after those about times and people."""
    nameless: set[str] = field(default_factory=set)
    """Ids of new travellers for whom a count has asked."""
    assigned: set[str] = field(default_factory=set)
    """Reservations of the order that a planned or restored line uses."""
    kept: bool = False
    """Whether an operation would have replaced a line by the same."""
    current_position: int | None = None
    """The position that the current operation changes, or None."""

    def new_line_id(self) -> str:
        """Return the next free line id; line numbers are never reused, not even those of an undone change."""
        self.next_line += 1
        return f"{self.order.number}-{self.next_line - 1}"

    def add(self, lines: Iterable[PlannedLine]) -> None:
        """Add lines; TooManyLines when this change alone adds more lines than an order may have."""
        self.adds.update((line.id, line) for line in lines)
        if len(self.adds) > MAX_LINES:
            raise TooManyLines

    def update(self, line: PlannedLine, **values: object) -> PlannedLine:
        """Set members of a line that was added."""
        updated = self.adds[line.id] = self.adds[line.id].model_copy(update=values)
        return updated

    def new_position(self) -> int:
        """Return the next free position."""
        self.next_position += 1
        return self.next_position - 1

    def remove(self, lines: Sequence[OrderLine]) -> None:
        """Remove live lines; LinesOverlap when another operation of this change removes one of them."""
        self.check_untouched(lines)
        self.removes.update((line.id, None) for line in lines)

    def keep(self, line: OrderLine) -> None:
        """Keep a line that the current operation removed."""
        self.removes.pop(line.id, None)
        self.kept = True

    def restore(self, line: OrderLine) -> None:
        """Make a confirmed line live again that the draft had given up, with its seats and units."""
        self.restores[line.id] = None
        self.assigned.update((*line.reservations, *line.units))

    def check_untouched(self, lines: Sequence[OrderLine]) -> None:
        """Raise LinesOverlap when another operation of this change removes one of these lines."""
        for line in lines:
            if line.id in self.removes:
                raise LinesOverlap({"line": line.id})

    def staying(self) -> Iterator[OrderLine]:
        """Yield the lines of the order that stay or are live again."""
        for line in self.order.lines:
            if (line.live and line.id not in self.removes) or line.id in self.restores:
                yield line

    def reserved_elsewhere(self) -> set[str]:
        """Return the reservations of the order that lines which stay, or lines planned so far, use."""
        return {each for line in self.staying() for each in (*line.reservations, *line.units)} | self.assigned

    def product(self, line: Line) -> Product | None:
        """Return the product of a line; None when the catalogue no longer has it."""
        return self.catalogue.products.get(line.product)

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

    def warn(
        self, code: str, *, traveller: str | None = None, field: str | None = None, line: str | None = None
    ) -> None:
        """Add a warning about a traveller, a field or a line."""
        about = {"traveller": traveller, "field": field, "line": line, "position": self.current_position}
        self.warnings.append(ChangeWarning(code=code, **about))

    def check_size(self) -> None:
        """Raise TooManyLines when the order grows beyond the maximum number of lines."""
        before = len(self.order.live_lines)
        after = before + len(self.adds) + len(self.restores) - len(self.removes)
        if after > max(before, MAX_LINES):
            raise TooManyLines

    def lines(self) -> list[Line]:
        """Return every line that the order would have: those that stay, are live again, or are added."""
        return [*self.staying(), *self.adds.values()]

    @property
    def version(self) -> int:
        """The version that the change belongs to: a confirmed order's next one, else that of the draft."""
        confirmed = self.order.status is OrderStatus.CONFIRMED
        return self.order.version + 1 if confirmed else self.order.version
