"""An order as the rules want it: its lines, who sits where, what an old id stands for, and what it costs."""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.rules.model.change import plan
from tests.rules.model.lineage import Pairs, resolve
from tests.rules.model.lines import Line, Operation, Person, Product, Refused, Service, Supplement
from tests.rules.model.money import Decision, Group, GroupSum, Kept, add_up, balance


@dataclass
class Catalogue:
    """What is sold, by name."""

    products: dict[str, Product]
    supplements: dict[str, Supplement]


@dataclass
class Version:
    """A state of the order that a draft may go back to."""

    live: list[int] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    seats: dict[tuple[int, str], int] = field(default_factory=dict)
    """By line and traveller; a seat is a number of the model's own."""
    fees: list[int] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    """Every line there has been."""


@dataclass
class Order:
    """The model of one order. A request changes it, or raises Refused and leaves it as it was."""

    catalogue: Catalogue
    lines: dict[int, Line] = field(default_factory=dict)
    pairs: Pairs = field(default_factory=set)
    now: Version = field(default_factory=Version)
    confirmed: Version = field(default_factory=Version)
    expired: Version | None = None
    """An order that was never confirmed, as it last expired."""
    version: int = 0
    """The last confirmed version; 0 before the first confirmation."""
    draft: bool = False
    status: str = "draft"
    last_draft_confirmed: bool | None = None
    groups: list[Group] = field(default_factory=list)
    left: set[Service] = field(default_factory=set)
    """Services that have left."""
    paid: int = 0
    """Captured less refunded."""
    set_aside: int = 0
    passed_on: dict[tuple[int, str], set[int]] = field(default_factory=dict)
    """By line and newcomer of the last request, the seats of leavers of which he has any."""
    numbers: int = 0
    """The last number given to a line or seat."""

    def live(self) -> list[Line]:
        """Return the live lines."""
        return [self.lines[key] for key in self.now.live]

    def sold(self) -> list[Line]:
        """Return the lines of the confirmed version."""
        return [self.lines[key] for key in self.confirmed.live]

    def resolve(self, key: int) -> list[Line]:
        """Return the live lines that an id stands for."""
        return resolve(key, self.lines, self.now.live, self.pairs)

    def product(self, line: Line) -> Product:
        """Return the product of a line that is no supplement."""
        return self.catalogue.products[line.product]

    def sums(self) -> list[GroupSum]:
        """Return the sums of the draft's groups."""
        return [add_up(group, self.lines) for group in self.groups]

    def fees(self) -> list[int]:
        """Return the change fees in force."""
        return [*self.confirmed.fees, *(fee for each in self.sums() for fee in each.fees)]

    def kept(self) -> list[Kept]:
        """Return the parts of surpluses that are kept."""
        return [*self.confirmed.kept, *(kept for each in self.sums() for kept in each.kept)]

    def due(self) -> int:
        """Return the order's total."""
        return sum(line.price for line in self.live()) + sum(self.fees()) + sum(each.amount for each in self.kept())

    def balance(self) -> int:
        """Return what is still owed; negative when the customer gets money back."""
        return balance(self.due(), self.paid, self.set_aside)

    def undecided(self) -> bool:
        """Whether a group has a surplus and nobody has said what happens with it."""
        return any(add_up(group, self.lines).total < 0 and group.refund is None for group in self.groups)

    def quote(self, *operations: Operation, word: bool | None = None, entur: bool = False) -> "Order":
        """Return the order as a change would leave it; a quote never asks what happens with a surplus."""
        other = copy.deepcopy(self)
        _check(plan(other, operations, _decision(word, entur=entur)))
        return other

    def change(
        self,
        *operations: Operation,
        word: bool | None = None,
        entur: bool = False,
        confirm: bool = False,
        pays: bool = False,
        at_most: int | None = None,
    ) -> None:
        """Change the draft, or change and confirm in one go. Only a native change asks what happens with a surplus."""
        if confirm and self.version and self.draft:
            raise Refused("DRAFT_OPEN")
        with self._whole_or_nothing():
            faults = plan(self, operations, _decision(word, entur=entur))
            faults += ["REFUND_UNDECIDED"] if self.undecided() else []
            faults += ["PRICE_ABOVE_LIMIT"] if at_most is not None and self.balance() > at_most else []
            _check(faults + (self._confirmation_faults(pays=pays) if confirm else []))
            self._open_or_end_draft()
            if confirm and self.draft:
                self._confirm()

    def confirm(self, *, pays: bool = False) -> None:
        """Confirm the draft; without one, only an order whose last draft was confirmed stays as it is."""
        self._check_open()
        if not self.draft and not self.last_draft_confirmed:
            raise Refused("ORDER_EMPTY" if self.last_draft_confirmed is None else "DRAFT_ENDED")
        if self.draft:
            _check(self._confirmation_faults(pays=pays))
            self._confirm()

    def pay(self, amount: int) -> None:
        """Set money aside for the draft."""
        self._check_open()
        _check(["PAYMENT_TOO_HIGH"] if amount > self.balance() else [])
        self.set_aside += amount

    def end_draft(self, *, expired: bool = False) -> None:
        """Discard the draft or let it expire; an order that was never confirmed keeps its lines when it expires."""
        if not self.draft:
            return
        if expired and not self.version:
            self.status, self.now.seats = "expired", {}
            self.expired = copy.deepcopy(self.now)
        else:
            self.now = copy.deepcopy(self.confirmed if self.version else self.expired or self.confirmed)
            self.lines = {key: line for key, line in self.lines.items() if key in self.now.known}
            self.pairs = {(old, new) for old, new in self.pairs if {old, new} <= self.now.known}
            self.status = "confirmed" if self.version else "expired" if self.expired else "draft"
        self.draft, self.set_aside, self.groups, self.last_draft_confirmed = False, 0, [], False

    def _check_open(self) -> None:
        _check([f"ORDER_{self.status.upper()}"] if self.status in ("cancelled", "expired") else [])

    def _open_or_end_draft(self) -> None:
        """Open the draft, or end it when nothing is left changed; then it counts as confirmed (G2)."""
        same = set(self.now.live) == set(self.confirmed.live) and self.now.names == self.confirmed.names
        self.now.known = set(self.lines)
        self.draft, self.status = True, "draft"
        if self.version and same:
            self.draft, self.status, self.set_aside, self.groups = False, "confirmed", 0, []
            self.last_draft_confirmed = True
            self.confirmed.known = set(self.lines)

    def _confirmation_faults(self, *, pays: bool) -> list[str]:
        """Return what keeps the draft from being confirmed: time is looked at for all that it changes (T1)."""
        sales = {line.sale for line in self.sold()}
        given_up = [line for line in self.sold() if line.sale not in {each.sale for each in self.live()}]
        added = [line for line in self.live() if line.sale not in sales]
        faults = ["SERVICE_DEPARTED" for line in (*given_up, *added) if line.service in self.left]
        return faults + (["BALANCE_NOT_ZERO"] if self.balance() > 0 and not pays else [])

    def _confirm(self) -> None:
        """Make the draft the confirmed version: capture what is owed of the money set aside, or pay back."""
        self.now.fees, self.now.kept, self.paid = self.fees(), self.kept(), self.due()
        self.confirmed = copy.deepcopy(self.now)
        self.version += 1
        self.draft, self.set_aside, self.groups, self.last_draft_confirmed = False, 0, [], True
        self.status = "confirmed" if self.now.live else "cancelled"

    @contextlib.contextmanager
    def _whole_or_nothing(self) -> Iterator[None]:
        before = copy.deepcopy(self.__dict__)
        try:
            yield
        except Refused:
            self.__dict__ = before
            raise


def _check(faults: list[str]) -> None:
    if faults:
        raise Refused(*faults)


def _decision(word: bool | None, *, entur: bool) -> Decision:  # noqa: FBT001 - what a request says, or nothing
    return Decision(word, first=False if entur else None)
