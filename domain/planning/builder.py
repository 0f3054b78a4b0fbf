"""From what a client asks to what will be done: line ids resolved, bundles found, seats worked out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.changes import ChangeRequest, IgnoredField, ReplacedLines
from domain.offers import OfferBundle, Service
from domain.operations import MOST_LINES, KeepPositions, SetPosition
from domain.orders import Order, OrderLine, OrderStatus
from domain.planning.plan import Plan, PlannedLine, SeatWish
from domain.products import Product, Supplement
from domain.refusals import LinesOverlap, TooManyLines
from domain.travellers import Traveller


@dataclass(frozen=True)
class CatalogueSlice:
    """What is sold, as far as one change needs to know it."""

    bundles: Mapping[str, OfferBundle]
    products: Mapping[str, Product]
    supplements: Mapping[str, Supplement]
    services: Mapping[str, Service]


@dataclass
class PlanBuilder:
    """A plan in the making: what operations have worked into it so far."""

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
    """Travellers this change brings or alters, as they will be."""
    priced_on: dict[str, date] = field(default_factory=dict)
    """The birth date each traveller's offers were priced on."""
    at: int | None = None
    """The position that is worked on, if it is one."""

    def line_id(self) -> str:
        """Return the next free line id; line numbers are never reused, not even by an undone change."""
        self.next_line += 1
        return f"{self.order.number}-{self.next_line - 1}"

    def add(self, lines: Sequence[PlannedLine]) -> None:
        """Put lines on; TooManyLines when no order may have as many, whatever else is taken off."""
        self.adds.extend(lines)
        if len(self.adds) > MOST_LINES:
            raise TooManyLines

    def position(self) -> int:
        """Return the next free position."""
        self.next_position += 1
        return self.next_position - 1

    def remove(self, lines: tuple[OrderLine, ...]) -> None:
        """Take live lines off; LinesOverlap when another operation of this change already did."""
        self.leave(lines)
        self.removes.extend(dict.fromkeys(line.id for line in lines))

    def leave(self, lines: tuple[OrderLine, ...]) -> None:
        """See that lines stay on; LinesOverlap when another operation of this change takes one off."""
        if any(line.id in self.removes for line in lines):
            raise LinesOverlap

    def traveller(self, traveller_id: str) -> Traveller:
        """Return a traveller as this change leaves them so far, a new one when nobody aboard has the id."""
        known = {each.id: each for each in self.order.aboard} | self.travellers
        return known.get(traveller_id) or Traveller(id=traveller_id)

    def set_traveller(self, traveller: Traveller) -> None:
        """Note how a traveller will be; nothing when the order already has them so."""
        if traveller in self.order.travellers:
            self.travellers.pop(traveller.id, None)
        else:
            self.travellers[traveller.id] = traveller

    def warn(self, code: str, traveller: str, name: str) -> None:
        """Note that a field of a traveller was ignored."""
        self.warnings.append(IgnoredField(code=code, traveller=traveller, field=name, position=self.at))

    def finished(self, request: ChangeRequest) -> Plan:
        """Return the plan. Raises TooManyLines for an order that would be too long, and longer than it is."""
        before = len(self.order.live_lines)
        after = before + len(self.adds) - len(self.removes)
        if after > max(before, MOST_LINES):
            raise TooManyLines
        confirmed = self.order.status is OrderStatus.CONFIRMED
        changes = bool(self.adds or self.removes or self.travellers)
        puts = all(isinstance(each, SetPosition | KeepPositions) for each in request.operations)
        return Plan(
            no_op=puts and not changes and not request.confirm,
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
