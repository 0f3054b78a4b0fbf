"""JSON of discover.swiss's API: case-insensitive member names in requests, exact decimals in responses."""

from decimal import Decimal
from typing import Annotated, Any

import msgspec
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from domain.currencies import EXPONENTS
from domain.model import Text
from domain.money import Money


class RequestModel(BaseModel):
    """Base of the request models: names are case-insensitive, unknown members ignored, null means absent."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = {field.alias.lower(): field.alias for field in cls.model_fields.values() if field.alias}
        members: dict[str, Any] = {}
        for name, member in value.items():
            known = names.get(name.lower())
            if known in members:
                raise ValueError("names the same member twice")
            if known and member is not None:
                members[known] = member
        return members

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema with every member nullable."""
        shape = handler(core)
        members = handler.resolve_ref_schema(shape)["properties"]
        members.update({name: {"anyOf": [member, {"type": "null"}]} for name, member in members.items()})
        return shape


class ResponseModel(BaseModel):
    """Base of the response models: camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def blank_to_none(value: Any) -> Any:
    """Return None for empty text or spaces; any other value unchanged."""
    return None if isinstance(value, str) and not value.strip(" ") else value


Name = Annotated[Text | None, BeforeValidator(blank_to_none), WithJsonSchema({"type": "string", "maxLength": 100})]
"""Text; blank text counts as absent."""

Exact = Annotated[Decimal, WithJsonSchema({"type": "number", "format": "decimal"})]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class ExactJSONResponse(JSONResponse):
    """JSON response that writes decimals exactly: 8.162, not 8.161999999999999."""

    def render(self, content: Any) -> bytes:
        """Return the encoded body."""
        return _ENCODER.encode(content)


def number(value: Decimal) -> Decimal:
    """Return a decimal as this API writes it: no trailing zeros, but at least one decimal place ("46.0", "8.162")."""
    plain = f"{value.normalize():f}"
    return Decimal(plain if "." in plain else f"{plain}.0")


def francs(money: Money) -> Decimal:
    """Return an amount in its major unit: 4600 Rappen as 46.0."""
    return number(Decimal(money.minor).scaleb(-EXPONENTS[money.currency]))
