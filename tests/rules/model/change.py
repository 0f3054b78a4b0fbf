"""How a change is worked out: what it gives up and adds, who keeps which seat, and where supplements go."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.rules.model.lineage import Pairs, in_order_of_departure, pair, resolve
from tests.rules.model.lines import (
    Add,
    AddSupplements,
    Line,
    Offer,
    Operation,
    Person,
    Refused,
    Remove,
    Replace,
    SetName,
)
from tests.rules.model.money import Decision, Piece, join

if TYPE_CHECKING:
    from tests.rules.model.order import Order


def plan(order: "Order", operations: Sequence[Operation], decision: Decision) -> list[str]:
    """Change an order and return the codes of the rules that refuse it."""
    if order.status == "cancelled":
        return ["ORDER_CANCELLED"]
    change = _Change(order, list(order.now.live), set(order.pairs))
    for operation in operations:
        change.apply(operation)
    change.finish()
    sold, live = ({line.sale for line in lines} for lines in (order.sold(), order.live()))
    for piece in (change.exchange, *change.others):
        order.groups = join(order.groups, piece, sold, decision)
    order.groups = [left for group in order.groups if (left := group.without(live))]
    return change.faults


@dataclass
class _Change:
    order: "Order"
    before: list[int]
    """The live lines before the request; its ids stand for these."""
    pairs: Pairs
    exchange: Piece = field(default_factory=Piece)
    """All replacements of the request (M1)."""
    others: list[Piece] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    """Lines that an operation gives up or adds to; no other operation may give them up."""
    named: set[str] = field(default_factory=set)
    """Travellers whom the request names: it may not leave them on no line."""
    faults: list[str] = field(default_factory=list)

    def apply(self, operation: Operation) -> None:
        """Work out one operation."""
        if isinstance(operation, Replace):
            self._replace(operation)
            return
        self.others.append(Piece())
        match operation:
            case Add(wish):
                lines = self._take(wish.offer, (), self.others[-1])
                self._seat((), lines)
                self._sell(wish.supplements, lines, self.others[-1])
            case Remove(key):
                self._remove(self._give_up((key,)), self.others[-1])
            case AddSupplements():
                self._add_supplements(operation, self.others[-1])
            case SetName(traveller, name):
                self._rename(traveller, name)

    def finish(self) -> None:
        """Renew the lines of an expired order, and look at what the whole request leaves (P5)."""
        if self.order.status == "expired":
            self._renew()
        now, aboard = self.order.now, {who for line in self.order.live() for who in line.travellers}
        now.seats = {place: seat for place, seat in now.seats.items() if place[0] in now.live}
        now.names = {who: name for who, name in now.names.items() if who in aboard}
        now.people = {who: person for who, person in now.people.items() if who in aboard}
        if not self.named <= aboard:
            self.faults.append("TRAVELLER_NOT_ON_ORDER")
        places = [(who, line.service) for line in self.order.live() if line.on is None for who in line.travellers]
        if len(set(places)) < len(places):
            self.faults.append("TRAVELLER_ALREADY_ON_SERVICE")
        self._count_supplements()

    def _count_supplements(self) -> None:
        """Refuse more of a supplement on a line than its travellers may have, moved ones included (G4)."""
        order, live = self.order, self.order.live()
        new = {(each.on, each.product) for each in live if each.key not in {*self.before, *order.confirmed.live}}
        for on, code in new:
            most = order.catalogue.supplements[code].most if on is not None else None
            count = sum((each.on, each.product) == (on, code) for each in live)
            if on is not None and most is not None and count > most * len(order.lines[on].travellers):
                self.faults.append("ALREADY_BOOKED")

    def _replace(self, operation: Replace) -> None:
        old = self._give_up(operation.lines)
        carried = [each for each in self.order.live() if each.on in {line.key for line in old}]
        self._drop(old, self.exchange)
        taken = [(wish, self._take(wish.offer, carried, self.exchange)) for wish in operation.wishes]
        new = [line for _, lines in taken for line in lines]
        self.order.pairs |= pair(old, new)
        self._seat(old, new)
        for supplement in carried:
            self._move(supplement, carried, new)
        for wish, lines in taken:
            self._sell(wish.supplements, lines, self.exchange)

    def _give_up(self, keys: Sequence[int]) -> list[Line]:
        """Return the lines that ids give up; one that also carries others needs them all named (P2)."""
        order = self.order
        found = {key: self._resolve(key) for key in keys}
        lines = {line.key: line for resolved in found.values() for line in resolved}
        if not all(found.values()):
            raise Refused("LINE_REMOVED")
        for line in lines.values():
            named = {who for key in keys if line in found[key] for who in order.lines[key].travellers}
            if len(line.travellers) > 1 and line.key not in keys and not set(line.travellers) <= named:
                raise Refused("SELECTED_LINES_MISMATCH")
        if self.touched & set(lines):
            raise Refused("LINES_OVERLAP")
        self.touched |= set(lines)
        if any(line.service in order.left and key in order.confirmed.live for key, line in lines.items()):
            self.faults.append("SERVICE_DEPARTED")
        return list(lines.values())

    def _take(self, offer: Offer, carried: Sequence[Line], piece: Piece) -> list[Line]:
        """Take an offer: a confirmed line that is the same lives again (G2), the others are sold."""
        parties = [offer.people] if offer.product.group else [(each,) for each in offer.people]
        return [self._take_line(offer, people, carried, piece) for people in parties]

    def _take_line(self, offer: Offer, people: tuple[Person, ...], carried: Sequence[Line], piece: Piece) -> Line:
        names, product = tuple(each.name for each in people), offer.product
        for line in self.order.sold():
            same = (line.product, line.service, set(line.travellers)) == (product.name, offer.service, set(names))
            if same and line.on is None and line.key not in self.order.now.live:
                return self._restore(line)
        for each in people:
            self._price_on(each)
        if offer.service in self.order.left:
            self.faults.append("SERVICE_DEPARTED")
        key = self._number()
        line = Line(key, product.name, offer.service, names, offer.price(people), product.rate, product.fee, sale=key)
        self._live(line)
        piece.taken.append(line)
        return line

    def _price_on(self, person: Person) -> None:
        """Note a birth date; a known one changes only while none of the traveller's other lines rests on it (P4)."""
        order = self.order
        # Who has left in the draft only is still on the lines that were sold.
        known = order.now.people.get(person.name) or order.confirmed.people.get(person.name)
        others = [line for line in (*order.live(), *order.sold()) if line.on is None and person.name in line.travellers]
        if known and known.born != person.born and others:
            self.faults.append("TRAVELLER_DIFFERS")
            self.faults += [
                "SERVICE_DEPARTED" for line in others if line in order.sold() and line.service in order.left
            ]
        order.now.people[person.name] = person

    def _restore(self, line: Line) -> Line:
        """Let a confirmed line live again, whole (G2): with its seats, and its supplements wherever they are by now."""
        order = self.order
        self._live(line)
        order.now.seats |= {place: seat for place, seat in order.confirmed.seats.items() if place[0] == line.key}
        order.now.people = {who: order.confirmed.people[who] for who in line.travellers} | order.now.people
        before = {who: order.confirmed.names[who] for who in line.travellers if who in order.confirmed.names}
        order.now.names = before | order.now.names
        for supplement in (each for each in order.sold() if each.on == line.key):
            others = [each for each in order.live() if each.sale == supplement.sale]
            order.pairs |= {(each.key, supplement.key) for each in others}
            self._drop(others)
            self._live(supplement)
        return line

    def _move(self, supplement: Line, carried: Sequence[Line], new: Sequence[Line]) -> None:
        """Move a supplement to its owner's first new line whose product sells it, or give it up (G1)."""
        order = self.order
        if supplement.key not in order.now.live:
            return
        places = self._places(supplement, carried, new)
        place = next((each for each in places if supplement.product in order.product(each).sells), None)
        self._drop([supplement], None if place else self.exchange)
        if place:
            owner = supplement.travellers or _owner(place)
            moved = replace(supplement, key=self._number(), service=place.service, travellers=owner, on=place.key)
            self._live(moved)
            order.pairs.add((supplement.key, moved.key))

    def _places(self, supplement: Line, carried: Sequence[Line], new: Sequence[Line]) -> list[Line]:
        """Return the lines a supplement may move to: its owner's, else the group's, else one traveller's each."""
        if supplement.travellers:
            return in_order_of_departure(each for each in new if set(supplement.travellers) <= set(each.travellers))
        successors = [each for each in new if (supplement.on, each.key) in self.order.pairs]
        groups = [each for each in successors if self.order.product(each).group]
        of_the_whole = [each for each in carried if each.on == supplement.on and not each.travellers]
        number = of_the_whole.index(supplement)
        one = successors[number % len(successors)] if successors else None
        return in_order_of_departure(groups) or [each for each in successors if each == one]

    def _seat(self, old: Sequence[Line], new: Sequence[Line]) -> None:
        """Let each traveller keep his seat on a service; seats of leavers pass to newcomers (P3)."""
        seats = self.order.now.seats
        for service in dict.fromkeys(line.service for line in new):
            places = [(line, who) for line in new if line.service == service for who in line.travellers]
            free = dict(self._seats_free_on(old, service.name))
            for line, who in places:
                if (line.key, who) not in seats and (who, self._seating(line)) in free:
                    seats[line.key, who] = free.pop((who, self._seating(line)))
            staying = {who for line in new if line.service == service for who in line.travellers}
            given_up = {seats.get((line.key, who)) for line in old for who in line.travellers if who not in staying}
            left = [place for place, seat in free.items() if seat in given_up]
            for line, who in [place for place in places if (place[0].key, place[1]) not in seats]:
                newcomer = not any(who in each.travellers and each.service == service for each in old)
                alike = [place for place in left if place[1] == self._seating(line) and newcomer]
                if alike:
                    self.order.passed_on[line.key, who] = {free[place] for place in alike}
                    left.remove(alike[0])
                seats[line.key, who] = free[alike[0]] if alike else self._number()

    def _seats_free_on(self, old: Sequence[Line], service: str) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield seats by traveller and seating: of confirmed lines the draft gives up, then of lines given up now."""
        order = self.order
        used = {seat for (key, _), seat in order.now.seats.items() if key in order.now.live}
        for lines, seats in ((order.sold(), order.confirmed.seats), (old, order.now.seats)):
            for line in (each for each in lines if each.service.name == service and each.on is None):
                for who in line.travellers:
                    if seats.get((line.key, who), None) not in {None, *used}:
                        yield (who, self._seating(line)), seats[line.key, who]

    def _sell(self, codes: Sequence[str], lines: Sequence[Line], piece: Piece) -> None:
        """Sell supplements for each line; those that moved there or came back with it count first."""
        for line in lines:
            present = [each.product for each in self.order.live() if each.on == line.key]
            for code in codes:
                if code in present:
                    present.remove(code)
                else:
                    self._sell_one(code, line, _owner(line), piece)

    def _sell_one(self, code: str, line: Line, owner: tuple[str, ...], piece: Piece) -> None:
        supplement = self.order.catalogue.supplements[code]
        key = self._number()
        sold = Line(key, code, line.service, owner, supplement.price, supplement.rate, 0, sale=key, on=line.key)
        self._live(sold)
        piece.taken.append(sold)
        if code not in self.order.product(line).sells:
            self.faults.append("SUPPLEMENT_NOT_OFFERED")
        if line.service in self.order.left:
            self.faults.append("SERVICE_DEPARTED")

    def _add_supplements(self, operation: AddSupplements, piece: Piece) -> None:
        found = self._resolve(operation.line)
        if len(found) != 1:
            raise Refused("LINE_REMOVED")
        if found[0].key not in self.order.now.live:
            raise Refused("LINES_OVERLAP")
        (line,), named = found, self.order.lines[operation.line].travellers
        self.touched.add(line.key)
        by_alias = named if operation.line != line.key and len(named) == 1 and named[0] in line.travellers else ()
        owner = (operation.traveller,) if operation.traveller else by_alias or _owner(line)
        for code in operation.supplements:
            self._sell_one(code, line, owner, piece)

    def _remove(self, lines: Sequence[Line], piece: Piece) -> None:
        along = [each for each in self.order.live() if each.on in {line.key for line in lines}]
        self._drop([*lines, *along], piece)

    def _rename(self, traveller: str, name: str) -> None:
        """Set a name; a known one stays once a sold line of his has left, a missing one once all have (T4)."""
        order, known = self.order, self.order.confirmed.names.get(traveller)
        sold, live = (
            [each for each in lines if traveller in each.travellers] for lines in (order.sold(), order.live())
        )
        left = [each.service in order.left and each in sold for each in {*sold, *live} if each.on is None]
        if known != name and (any(left) if known else all(left)):
            self.faults.append("SERVICE_DEPARTED")
        order.now.names[traveller] = name
        self.named.add(traveller)

    def _renew(self) -> None:
        """Replace each kept line of an expired order by one that is sold anew, with another seat."""
        order = self.order
        new: dict[int | None, int] = {key: self._number() for key in order.now.live if key in self.before}
        for line in order.live():
            key = new.get(line.key, line.key)
            order.lines[key] = replace(line, key=key, sale=key, on=new.get(line.on, line.on))
        order.pairs |= {(old, key) for old, key in new.items() if old is not None}
        order.now.live = [new.get(key, key) for key in order.now.live]
        self._seat((), [line for line in order.live() if line.on is None])

    def _resolve(self, key: int) -> list[Line]:
        return resolve(key, self.order.lines, self.before, self.pairs)

    def _live(self, line: Line) -> None:
        self.order.lines[line.key] = line
        self.order.now.live.append(line.key)

    def _drop(self, lines: Sequence[Line], piece: Piece | None = None) -> None:
        for line in lines:
            self.order.now.live.remove(line.key)
        if piece:
            piece.given_up += lines

    def _number(self) -> int:
        self.order.numbers += 1
        return self.order.numbers

    def _seating(self, line: Line) -> str:
        return self.order.product(line).seating


def _owner(line: Line) -> tuple[str, ...]:
    """Return the owner of a supplement for which nobody is named: the line's traveller, else the line as a whole."""
    return line.travellers if len(line.travellers) == 1 else ()
