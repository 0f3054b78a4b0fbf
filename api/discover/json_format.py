"""How JSON is spelt here: names in any case on the way in, exact numbers on the way out."""

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
    """What clients send: names without regard to case, unknown ones ignored, null as if it were absent."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        names = {field.alias.lower(): field.alias for field in cls.model_fields.values() if field.alias}
        found: dict[str, Any] = {}
        for name, member in value.items():
            known = names.get(name.lower())
            if known in found:
                raise ValueError("names the same member twice")
            if known and member is not None:
                found[known] = member
        return found

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Show that every member may be null."""
        shape = handler(core)
        members = handler.resolve_ref_schema(shape)["properties"]
        members.update({name: {"anyOf": [member, {"type": "null"}]} for name, member in members.items()})
        return shape


class ResponseModel(BaseModel):
    """What we answer: camelCase."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def blank(value: Any) -> Any:
    """Return None for text that says nothing."""
    return None if isinstance(value, str) and not value.strip(" ") else value


Name = Annotated[Text | None, BeforeValidator(blank), WithJsonSchema({"type": "string", "maxLength": 100})]
"""Text, where an empty one says nothing."""

Exact = Annotated[Decimal, WithJsonSchema({"type": "number", "format": "decimal"})]

_ENCODER = msgspec.json.Encoder(decimal_format="number")


class ExactJSONResponse(JSONResponse):
    """JSON whose numbers are the decimals they were computed as: 8.162, not 8.161999999999999."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return _ENCODER.encode(content)


def number(value: Decimal) -> Decimal:
    """Return a decimal as this API writes it: no needless zeros, but one place at least ("46.0", "8.162")."""
    plain = f"{value.normalize():f}"
    return Decimal(plain if "." in plain else f"{plain}.0")


def francs(money: Money) -> Decimal:
    """Return an amount in its major unit: 4600 Rappen are 46.0."""
    return number(Decimal(money.minor).scaleb(-EXPONENTS[money.currency]))
