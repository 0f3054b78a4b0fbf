"""Parses the JSON of a catalogue file strictly, and says in our own words what a model refuses of it."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from domain.catalogue_rules import CatalogueFaultsError, Fault
from domain.currencies import EXPONENTS
from domain.model import MAX_NUMBER

_AMOUNTS = ("price", "change_fee")
_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "is unknown",
    "string_type": "must be text",
    "string_pattern_mismatch": "must be 1 to 64 letters, digits and . _ : ~ -",
    "string_too_long": "must have at most {max_length} characters",
    "int_type": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "model_type": "must be an object",
    "enum": "must be one of {expected}",
    "decimal_type": 'must be a decimal number such as "0.12"',
    "decimal_parsing": 'must be a decimal number such as "0.12"',
    "finite_number": 'must be a decimal number such as "0.12"',
    "value_error": "{error}",
}


def parse_json(content: bytes) -> tuple[Any, list[Fault]]:
    """Parse JSON; return the value, and the faults that only its text shows. Raise CatalogueFaultsError for no JSON."""
    try:
        text = content.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_Object, parse_constant=_not_finite, parse_float=Decimal)
        faults = list(_text_faults(value, ""))
    except json.JSONDecodeError as error:
        detail = f"is not JSON: line {error.lineno}, column {error.colno}"
        raise CatalogueFaultsError([Fault("", detail)]) from None
    except (ValueError, ArithmeticError):
        raise CatalogueFaultsError([Fault("", "is not JSON in UTF-8 with finite numbers")]) from None
    except RecursionError:
        raise CatalogueFaultsError([Fault("", "is nested too deeply")]) from None
    return value, faults


def model_faults(error: ValidationError, pointer: str) -> Iterator[Fault]:
    """Yield a fault for each error of a model that was read at a pointer."""
    errors = error.errors(include_url=False, include_input=False)
    for each in errors:
        location, values = each["loc"], each.get("ctx", {})
        if each["type"] == "too_short" and [e for e in errors if e["loc"] != location == e["loc"][: len(location)]]:
            # pydantic calls a list too short when its elements are at fault.
            continue
        if each["type"] == "enum":
            values["expected"] = values["expected"].replace("'", "").replace(" or ", ", ")
        detail = _WORDS.get(each["type"], "is invalid").format(**values)
        yield Fault(pointer + "".join(f"/{token(part)}" for part in location), detail)


def token(part: str | int) -> str:
    """Return a member's name or an index as it stands in a JSON pointer."""
    return str(part).replace("~", "~0").replace("/", "~1")


class _Object(dict[str, Any]):
    """A JSON object that knows which names it was given more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = sorted({name for name, times in Counter(name for name, _ in pairs).items() if times > 1})


def _not_finite(_text: str) -> Any:
    raise ValueError


def _text_faults(value: Any, pointer: str) -> Iterator[Fault]:
    """Yield what a model would not notice: members given twice, half a character, and amounts of another form."""
    if isinstance(value, str) and not value.isascii() and _has_surrogate(value):
        yield Fault(pointer, "contains an unpaired surrogate")
    if isinstance(value, _Object):
        for name in value.repeated:
            yield Fault(f"{pointer}/{token(name)}", "is given twice")
        for name, inner in value.items():
            yield from _text_faults(inner, f"{pointer}/{token(name)}")
            if name in _AMOUNTS:
                yield from _amount_faults(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _text_faults(inner, f"{pointer}/{number}")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def _amount_faults(amount: Any, pointer: str) -> Iterator[Fault]:
    """Yield the faults of an amount, which a dataclass would read leniently: "1900" and true are no numbers."""
    if not isinstance(amount, _Object):
        yield Fault(pointer, 'must be an object such as {"minor": 1900, "currency": "CHF"}')
        return
    for name in sorted({"minor", "currency"} ^ set(amount)):
        yield Fault(f"{pointer}/{token(name)}", "is unknown" if name in amount else "is missing")
    minor, currency = amount.get("minor", 0), amount.get("currency", "CHF")
    if type(minor) is not int or abs(minor) > MAX_NUMBER:
        yield Fault(f"{pointer}/minor", "must be a whole number of minor units")
    if not isinstance(currency, str) or currency not in EXPONENTS:
        yield Fault(f"{pointer}/currency", "is no ISO 4217 currency")


def without_covered(faults: Iterable[Fault], known: Iterable[Fault]) -> Iterator[Fault]:
    """Yield faults that are not at, or around, the pointer of a known one."""
    pointers = [each.pointer for each in known]
    for fault in faults:
        if not any(each == fault.pointer or each.startswith(f"{fault.pointer}/") for each in pointers):
            yield fault
