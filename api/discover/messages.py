"""Validation messages of discover.swiss's API: ignored members, missing fields, reasons of refusals."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic.alias_generators import to_camel

from api.discover.json_format import ResponseModel
from api.errors.about import detail_of
from api.errors.problems import TITLES
from domain.changes import ChangeWarning, Outcome, Remark
from domain.refusals import OfferNotFound


class Level(StrEnum):
    """Severity of a message. A validation error or an error means that the request was not fully executed."""

    WARNING = "Warning"
    VALIDATION_ERROR = "ValidationError"
    ERROR = "Error"


class Source(StrEnum):
    """The object a message is about."""

    ORDER = "order"
    ORDERED_ITEM = "orderedItem"


class ValidationMessage(ResponseModel):
    """A message to the client; clients should decide by its `code`."""

    level: Level
    code: str
    message: str
    source: Source
    order_item_number: str | None = None
    traveler_identifier: str | None = None
    field: str | None = None


NOT_IN_STATE = "order-not-in-state-to-use-move-to"
_STATES = {"ALREADY_CONFIRMED", "ORDER_CANCELLED"}
_MISSING = {
    "given_name": "traveler_given_name_absent",
    "family_name": "traveler_family_name_absent",
    "birth_date": "traveler_incorrect_birthdate",
}
_TEXTS = {
    "ordered_item_absent": "The order has no items; send [] to remove them all.",
    "offer_not_found": OfferNotFound.sentence,
    "orderitem_product_incorrect": "There is no such product.",
    "orderitem_quantity_unsupported": "An item is sold once; add another item for more.",
    "orderitem_not_found": "The order has no such item.",
    "productconfiguration_valid_from_absent": "The product needs a validFrom.",
    "productconfiguration_valid_from_too_far_ahead": "The product is not sold this far ahead of its validFrom.",
    "offer_not_available": "The product is not offered for these travellers at this time.",
    "traveler_incorrect_birthdate": "The birthDate is empty, or nobody can have it.",
    "traveler_age_not_offered": "The product has no price for the age of this traveller.",
    "person_gender_incorrect": "The gender is Female, Male or Diverse.",
    "number_of_travelers_ignored": "The travellers listed count, not numberOfTravelers.",
    "product_ignored": "The offer bundle decides the product.",
    "valid_from_ignored": "The offer bundle decides from when it is valid.",
}


def refusal_message(code: str, item: str | None = None, traveller: str | None = None) -> ValidationMessage:
    """Return the message that refuses an item as it was sent. A code of the native API has its sentence."""
    text = _TEXTS[code] if code in _TEXTS else TITLES[code.upper()][1]
    return _item_message(Level.VALIDATION_ERROR, code, text, item, traveller)


def ignored_message(code: str, item: str | None = None) -> ValidationMessage:
    """Return the message about an ignored member of an item."""
    return _item_message(Level.WARNING, code, _TEXTS[code], item)


def missing_message(item: str | None, traveller: str | None, field: str) -> ValidationMessage:
    """Return the message about a missing field of a traveller."""
    name = to_camel(field)
    code = _MISSING.get(field, f"traveler_{field}_absent")
    return _item_message(Level.VALIDATION_ERROR, code, f"The {name} of a traveller is missing.", item, traveller, name)


def warning_message(warning: ChangeWarning, outcome: Outcome, item: str | None) -> ValidationMessage:
    """Return the message for a warning of the workflow, most often that a traveller's field was ignored."""
    item, code = item or item_at(outcome.order.number, warning.position), warning.code
    if warning.field is None:
        text = TITLES[code][1] if code in TITLES else _WARNINGS.get(code, f"{code.capitalize()}.")
        return _item_message(Level.WARNING, code.lower(), text, item, warning.traveller)
    name = "identifier" if warning.field == "id" else to_camel(warning.field)
    text = f"The {name} of a traveller cannot be changed; it was ignored."
    return _item_message(Level.WARNING, code.lower(), text, item, warning.traveller, name)


_WARNINGS = {
    "DEADLINE_SHORTENED": "A provider holds or authorises for less time; the order expires earlier.",
    "AS_CONFIRMED": "The item is as it was confirmed, at its price.",
    "EXCHANGE_IS_CHEAPER": "One exchange would cost less than a removal and an addition.",
}


def remark_of(message: ValidationMessage) -> Remark:
    """Return what a refusal says, to be kept with the request."""
    position = (message.order_item_number or "").rpartition("-")[2]
    return Remark(
        code=message.code, position=int(position) if position else None, traveller=message.traveler_identifier
    )


def refusal_messages(outcome: Outcome, item: str | None) -> list[ValidationMessage]:
    """Return the messages for a change that the workflow refused."""
    code = outcome.code or ""
    if code in _STATES:
        text = TITLES[code][1]
        return [ValidationMessage(level=Level.ERROR, code=NOT_IN_STATE, message=text, source=Source.ORDER)]
    positions = [each["position"] for each in outcome.members if "position" in each]
    item = item or (item_at(outcome.order.number, positions[0]) if positions else None)
    fields = [str(each["field"]) for each in outcome.members if "field" in each]
    if fields:
        return [missing_message(item, None, field) for field in fields]
    about = detail_of([{name: each[name] for name in each if name != "position"} for each in outcome.members])
    text = " ".join(filter(None, (TITLES[code][1], about)))
    return [_item_message(Level.VALIDATION_ERROR, code.lower(), text, item)]


def item_at(order: str, position: int | str | None) -> str | None:
    """Return the number of the item at a position; None without a position."""
    return f"{order}-{position}" if position is not None else None


def _item_message(
    level: Level, code: str, text: str, item: str | None, traveller: str | None = None, field: str | None = None
) -> ValidationMessage:
    return ValidationMessage(
        level=level,
        code=code,
        message=text,
        source=Source.ORDERED_ITEM,
        order_item_number=item,
        traveler_identifier=traveller,
        field=field,
    )


def has_errors(messages: Sequence[ValidationMessage]) -> bool:
    """Whether any message is more than a warning: something was refused or is incomplete."""
    return any(each.level is not Level.WARNING for each in messages)
