"""What clients of discover.swiss send."""

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from api.discover.json_format import Name, RequestModel, blank
from domain.model import Code
from domain.operations import MOST_OPERATIONS
from domain.travellers import Country

MOST_TRAVELLERS = 30
"""discover.swiss: numberOfTravelers is 1 to 30, children included."""
_DAY = r"\d{4}-\d{2}-\d{2}"
_CLOCK = r"\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?"
_TIME = re.compile(rf"{_DAY}([T ]{_CLOCK})?", re.ASCII | re.IGNORECASE)


def _time(value: Any) -> Any:
    # pydantic would read numbers as seconds since 1970, and fractions only up to microseconds.
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("must be a date, or a date and time, as ISO 8601 writes it")
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
    except ValueError:
        # Python's own words repeat the value.
        raise ValueError("must be a date, or a date and time, that there is") from None


def _day(value: Any) -> date | None:
    return None if blank(value) is None else _time(value).date()


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(blank(value), str) else blank(value)


def _or_blank(pattern: str) -> WithJsonSchema:
    """Return how the OpenAPI file shows text of a pattern, where blank text says nothing."""
    return WithJsonSchema({"type": "string", "pattern": f"^( *|{pattern})$"})


Time = Annotated[datetime, BeforeValidator(_time)]
Birth = Annotated[date | None, BeforeValidator(_day), _or_blank(rf"{_DAY}([T ]{_CLOCK})?")]


class TravelerIn(RequestModel):
    """Who travels. `id` is not `identifier`, and ignored."""

    identifier: Annotated[Code | None, BeforeValidator(blank), _or_blank("[A-Za-z0-9._:~-]{1,64}")] = Field(
        default=None, description="Yours, or made by us; it never changes."
    )
    given_name: Name = None
    family_name: Name = None
    birth_date: Birth = Field(default=None, description="A time of day is cut off.")
    salutation: Name = None
    gender: Name = Field(default=None, description="Female, Male or Diverse.")
    nationality: Annotated[Country | None, BeforeValidator(_upper), _or_blank("[A-Za-z]{2,3}")] = None
    passport: Name = None


class ProductIn(RequestModel):
    """Which product: by `identifier`, or for a search all variants of a `productIdentifier`."""

    identifier: Name = None
    product_identifier: Name = None


class ProductConfigurationIn(RequestModel):
    """A product, from when, and for whom. A time without an offset is in the zone of `Accept-Timezone`."""

    product: ProductIn = ProductIn()
    valid_from: Time | None = None
    valid_until: Time | None = None
    duration: Name = None
    number_of_travelers: Annotated[int, Field(strict=True, ge=1, le=MOST_TRAVELLERS)] | None = None
    traveler: tuple[TravelerIn, ...] = Field(default=(), max_length=MOST_TRAVELLERS)

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "product": {"identifier": "nova_zurichcard72"},
                    "validFrom": "2021-10-15T00:00:00",
                    "traveler": [{"identifier": "jhon", "birthDate": "1980-02-18"}],
                }
            ]
        }
    )

    @model_validator(mode="after")
    def _one_end(self) -> "ProductConfigurationIn":
        if self.valid_until is not None and self.duration is not None:
            raise ValueError("validUntil and duration cannot be combined")
        return self

    @model_validator(mode="after")
    def _each_once(self) -> "ProductConfigurationIn":
        named = [each.identifier for each in self.traveler if each.identifier]
        if len(set(named)) != len(named):
            raise ValueError("the same traveller is named twice")
        return self

    @property
    def nameless(self) -> bool:
        """Whether somebody is sent without an identifier, to be recognised."""
        return any(each.identifier is None for each in self.traveler)

    @property
    def names_a_product(self) -> bool:
        """Whether it asks for more than details of travellers: then a new bundle is looked for."""
        named = self.product.identifier or self.product.product_identifier
        return bool(named or self.valid_from or self.number_of_travelers)

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing to stay as it is on the item."""
        named = self.product.identifier or self.product.product_identifier
        born = all(each.birth_date for each in self.traveler)
        return bool(named and self.valid_from and self.traveler and born) and not self.nameless


class OrderItemIn(RequestModel):
    """An item: a bundle that was found, or a product to find one for. Its number counts in a whole order only."""

    order_item_number: Name = None
    order_quantity: Annotated[int, Field(strict=True)] = 1
    offer_bundle_id: Name = Field(default=None, description="The same keeps the offer, another one switches.")
    ordered_item: ProductConfigurationIn = ProductConfigurationIn()

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"orderQuantity": 1, "offerBundleId": "5230c53b-042f-4429-b72c-b2e77e6119f7"}]}
    )


class WholeOrderIn(RequestModel):
    """A whole order. `orderStatus` says what a client hopes for; an order always goes as far as it can."""

    ordered_item: tuple[OrderItemIn, ...] | None = Field(default=None, max_length=MOST_OPERATIONS - 1)

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})
