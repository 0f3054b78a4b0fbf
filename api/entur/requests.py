"""Request models of Entur's API. Names and defaults are Entur's; unknown members are ignored."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from domain.customers import MAX_CUSTOMERS
from domain.model import Code, Flag, Model, Text
from domain.operations import MAX_LINES, MAX_OPERATIONS, MAX_TRAVELLERS

_UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
# UUIDs are case-insensitive (RFC 9562); ours are stored in lower case.
OfferId = Annotated[str, StringConstraints(strict=True, pattern=_UUID, to_lower=True)]
Count = Annotated[int, Field(strict=True, ge=1, le=MAX_TRAVELLERS)]
Codes = Annotated[tuple[Code, ...], Field(max_length=MAX_TRAVELLERS)]
Lines = Annotated[tuple[Code, ...], Field(max_length=MAX_LINES)]


# pydantic's own `deprecated` would log a warning whenever our code reads the member.
DEPRECATED: JsonDict = {"deprecated": True}


class RequestModel(Model):
    """Base of the request models: camelCase in JSON, unknown members ignored."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class RefIn(RequestModel):
    """A reference to an object in another system, optionally to one version of it."""

    id: Text
    version: Text | None = None


class EntitlementIn(RequestModel):
    """An entitlement that a customer holds."""

    contract_id: Text | None = None
    entitlement_product_ref: RefIn
    external_entitlement_ref: RefIn | None = None


class CustomerIn(RequestModel):
    """A customer to link to the lines."""

    customer_id: Text
    entitlements: tuple[EntitlementIn, ...] | None = Field(default=(), max_length=MAX_CUSTOMERS)


class DistributionIn(RequestModel):
    """How to deliver the tickets."""

    fulfillment_method_ref: RefIn | None = None
    type_of_travel_document_to_issue_ref: RefIn | None = None
    customer_account_ref: RefIn | None = None


class Configuration(RequestModel):
    """Members common to all configurations of an offer."""

    offer_id: OfferId
    selectable_product_ids: Codes | None = Field(
        default=(), description="Products of the offer; only supplements that do not change seats may be repeated."
    )
    selected_traveller_ids: Codes | None = Field(
        default=(), description="Travellers to take the offer for; if empty, all travellers of the offer."
    )
    customers: tuple[CustomerIn, ...] | None = Field(default=(), max_length=MAX_CUSTOMERS)
    distribution_details: DistributionIn | None = None
    external_reference: Text | None = None


class OfferConfiguration(Configuration):
    """An offer to add to an order."""

    count: Count | None = Field(
        default=None,
        description="Deprecated: number of lines to add. Other than 1 it cannot be combined with chosen travellers.",
        json_schema_extra=DEPRECATED,
    )
    order_line_id: Code | None = Field(
        default=None, description="Deprecated: use update-order.", json_schema_extra=DEPRECATED
    )
    customer_ids: tuple[Text, ...] | None = Field(default=(), max_length=MAX_CUSTOMERS, json_schema_extra=DEPRECATED)
    customer_entitlement: EntitlementIn | None = Field(
        default=None,
        json_schema_extra=DEPRECATED,
        description="Deprecated: the entitlement of every customer in customerIds.",
    )

    @model_validator(mode="after")
    def _customers_fit(self) -> "OfferConfiguration":
        if len(self.customers or ()) + len(self.customer_ids or ()) > MAX_CUSTOMERS:
            raise ValueError("names too many customers")
        if self.customer_entitlement and not self.customer_ids:
            raise ValueError("customerEntitlement needs the customerIds that hold it")
        return self


class ReserveOffersRequest(RequestModel):
    """Offers to add to an order, or to a new order if `orderId` is absent."""

    order_id: Code | None = None
    offer_configurations: tuple[OfferConfiguration, ...] = Field(min_length=1, max_length=MAX_OPERATIONS)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"offerConfigurations": [{"offerId": "5d3e9d2c-f9ab-4dd0-a735-100886278e0b"}]}]}
    )


class ChangeOrderLinesConfiguration(Configuration):
    """An offer that replaces lines."""

    order_line_id: Code
    selected_order_line_ids: Lines | None = Field(
        default=(), description="Lines to replace together; must be equal in all configurations of the same line."
    )


class ChangeOrderLinesRequest(RequestModel):
    """Lines to replace: all of them or none."""

    order_id: Code
    offer_configurations: tuple[ChangeOrderLinesConfiguration, ...] = Field(min_length=1, max_length=MAX_OPERATIONS)
    refund_price_difference: Flag | None = Field(
        default=None, description="Whether the difference of a cheaper change is refunded when the order is confirmed."
    )


class SelectedProduct(RequestModel):
    """A supplement to add, once or several times."""

    selected_product_id: Code
    count: Count | None = 1


class SupplementConfiguration(RequestModel):
    """Supplements to add to one line."""

    offer_id: OfferId
    order_line_id: Code
    selected_products_configuration: tuple[SelectedProduct, ...] = Field(min_length=1, max_length=MAX_OPERATIONS)
    customers: tuple[CustomerIn, ...] | None = Field(default=(), max_length=MAX_CUSTOMERS)


class ConfirmOrderLinesRequest(RequestModel):
    """The lines to confirm: all of the draft, so every line of the order must be among them."""

    order_line_ids: Lines | None = Field(
        default=None,
        description="Every line of the order by any of its ids; supplements need not be named. Without it: all lines.",
    )


class AddSupplementProductsRequest(RequestModel):
    """Supplements to add to lines of an order."""

    order_id: Code
    offer_configurations: tuple[SupplementConfiguration, ...] = Field(min_length=1, max_length=MAX_OPERATIONS)
