"""The catalogue file: its models, and how it is read. Every fault is reported at once, with a JSON pointer."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from domain.catalogue_rules import CatalogueFaultsError, Fault, Listing, find_faults
from domain.model import Code, Model
from domain.products import Product, Supplement
from providers.embedded.catalogue_json import model_faults, parse_json, token, without_covered

MAX_DAYS, MAX_COACHES, MAX_SEATS = 3650, 99, 999
MAX_NUMBER_LENGTH = 64 - len("-2027-03-01")
"""The id of a service is the number of its departure and the day."""
_TIME = re.compile(r"\d\d:\d\d(:\d\d)?", re.ASCII)


def _local_time(value: object) -> time:
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return time.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, time) and value.tzinfo is None:
        return value
    raise ValueError("must be a local time such as 08:25")


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("must be an IANA time zone such as Europe/Oslo")
    return name


class Departure(Model):
    """A train that runs every day."""

    number: Annotated[Code, Field(max_length=MAX_NUMBER_LENGTH)]
    leaves: Annotated[time, BeforeValidator(_local_time)]
    """Local time."""


class Timetable(Model):
    """The daily departures of a railway line, and the seats on each."""

    railway_line: Code
    time_zone: Annotated[str, Field(strict=True), AfterValidator(_zone)]
    days: Annotated[int, Field(strict=True, ge=1, le=MAX_DAYS)]
    departures: Annotated[tuple[Departure, ...], Field(min_length=1)]
    coaches: Annotated[int, Field(strict=True, ge=1, le=MAX_COACHES)]
    seats_per_coach: Annotated[int, Field(strict=True, ge=1, le=MAX_SEATS)]
    seats_per_row: Annotated[int, Field(strict=True, ge=1, le=MAX_SEATS)]


@dataclass(frozen=True)
class Catalogue:
    """The contents of a catalogue file by JSON pointer, as far as they can be read."""

    products: Mapping[str, Product] = field(default_factory=dict)
    supplements: Mapping[str, Supplement] = field(default_factory=dict)
    timetables: Mapping[str, Timetable] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    """Ids and railway lines of what cannot be read."""
    faults: tuple[Fault, ...] = ()
    """Why it cannot be read."""

    def check(self, before: "Loaded") -> None:
        """Raise CatalogueFaultsError with every fault, one for each pointer, given what was loaded before."""
        lines = {each.railway_line for each in self.timetables.values()}
        listing = Listing(
            products=self.products,
            supplements=self.supplements,
            railway_lines=before.railway_lines | lines,
            loaded_products=before.products,
            loaded_supplements=before.supplements,
            unread=self.unread,
        )
        faults = [*self.faults, *find_faults(listing), *_repeated_numbers(self.timetables)]
        if faults:
            first = {fault.pointer: fault for fault in reversed(faults)}
            raise CatalogueFaultsError(sorted(first.values(), key=_position))


@dataclass(frozen=True)
class Loaded:
    """What was loaded before, and stays beside a catalogue that is loaded now."""

    products: tuple[Product, ...] = ()
    supplements: tuple[Supplement, ...] = ()
    railway_lines: frozenset[str] = frozenset()


def timetables_only(*timetables: Timetable) -> Catalogue:
    """Return a catalogue that only adds departures."""
    return Catalogue(timetables={f"/timetables/{number}": each for number, each in enumerate(timetables)})


def read_catalogue(content: bytes) -> Catalogue:
    """Read a catalogue file. Raise CatalogueFaultsError when it is not JSON; other faults are in the catalogue."""
    document, faults = parse_json(content)
    if not isinstance(document, dict):
        raise CatalogueFaultsError([Fault("", "must be an object")])
    faults += [Fault(f"/{token(name)}", "is unknown") for name in document if name not in _MODELS]
    read: dict[str, dict[str, Any]] = {name: {} for name in _MODELS}
    unread: set[str] = set()
    for name, model in _MODELS.items():
        items = document.get(name)
        if not isinstance(items, list):
            detail = "must be a list" if name in document else "is missing"
            faults += without_covered([Fault(f"/{name}", detail)], faults)
            continue
        for number, item in enumerate(items):
            pointer = f"/{name}/{number}"
            try:
                read[name][pointer] = model.model_validate(item)
            except ValidationError as error:
                faults += without_covered(model_faults(error, pointer), faults)
                unread |= _codes(item)
    return Catalogue(**read, unread=frozenset(unread), faults=tuple(faults))


def _position(fault: Fault) -> list[tuple[int, str]]:
    """Return a sort key: by member, and by index as a number."""
    return [(int(part) if part.isdecimal() else -1, part) for part in fault.pointer.split("/")]


_MODELS: Mapping[str, type[Model]] = {"products": Product, "supplements": Supplement, "timetables": Timetable}


def _codes(item: object) -> set[str]:
    """Return the id and the railway line of something that cannot be read; never nothing."""
    members = item if isinstance(item, dict) else {}
    return {str(members.get(name)) for name in ("id", "railway_line")}


def _repeated_numbers(timetables: Mapping[str, Timetable]) -> Iterator[Fault]:
    found: set[str] = set()
    for pointer, table in timetables.items():
        for number, departure in enumerate(table.departures):
            if departure.number in found:
                yield Fault(f"{pointer}/departures/{number}/number", "is the number of another departure")
            found.add(departure.number)
