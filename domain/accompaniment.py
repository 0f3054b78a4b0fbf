"""Who must be accompanied: an infant or a child of an age band that does not travel alone (rule P6)."""

from collections.abc import Iterable, Mapping, Sequence

from domain.changes import ChangeWarning
from domain.orders import AgeBand
from domain.products import Product
from domain.projection import Line
from domain.refusals import AccompaniedOnly

ACCOMPANIED_ONLY = ChangeWarning(code=AccompaniedOnly.code)
"""The warning in a draft; its confirmation is refused with the same code."""


def unaccompanied(lines: Iterable[Line], products: Mapping[str, Product]) -> list[str]:
    """Return the lines of travellers who need company that nobody on the same service gives them.

    Without a service, company is a line of the same family of products that is valid from the same day.
    """
    together: dict[object, list[Line]] = {}
    for line in lines:
        if not line.supplement_of:
            together.setdefault(_place(line, products), []).append(line)
    return [line for place in together.values() for line in _alone(place)]


def _place(line: Line, products: Mapping[str, Product]) -> object:
    if line.service:
        return line.service
    product = products.get(line.product)
    return product.accompanying_family if product else line.product, line.first_day


def _alone(lines: Sequence[Line]) -> list[str]:
    marks = [(line.id, _band(line, traveller)) for line in lines for traveller in line.travellers]
    room = sum(band.accompanies for _, band in marks if not band.accompanied)
    needing = [line for line, band in marks if band.accompanied]
    return list(dict.fromkeys(needing[room:]))


def _band(line: Line, traveller: str) -> AgeBand:
    return next((each for each in line.age_bands if each.traveller == traveller), AgeBand(traveller=traveller))


def check_accompanied(lines: Iterable[Line], products: Mapping[str, Product]) -> None:
    """Raise AccompaniedOnly, naming each line whose traveller lacks company."""
    alone = unaccompanied(lines, products)
    if alone:
        members: list[dict[str, str | int]] = [{"line": line} for line in alone]
        raise AccompaniedOnly(*members)
