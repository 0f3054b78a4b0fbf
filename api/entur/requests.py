"""What Entur's clients send. Names and defaults are theirs; unknown members are refused."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from domain.customers import MOST_CUSTOMERS
from domain.model import Code, Flag, Model, Text
from domain.operations import MOST_LINES, MOST_OPERATIONS, MOST_TRAVELLERS

_UUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
# UUIDs are the same in either case (RFC 9562); ours are kept in lower case.
OfferId = Annotated[str, StringConstraints(strict=True, pattern=_UUID, to_lower=True)]
Count = Annotated[int, Field(strict=True, ge=1, le=MOST_TRAVELLERS)]
Codes = Annotated[tuple[Code, ...], Field(max_length=MOST_TRAVELLERS)]
Lines = Annotated[tuple[Code, ...], Field(max_length=MOST_LINES)]


# pydantic's own mark would warn whenever we read the member.
DEPRECATED: JsonDict = {"deprecated": True}


class RequestModel(Model):
    """A member of these requests: camelCase on the wire."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class RefIn(RequestModel):
    """Something in another system, perhaps in one version of it."""

    id: Text
    version: Text | None = None


class EntitlementIn(RequestModel):
    """What a customer holds."""

    contract_id: Text | None = None
    entitlement_product_ref: RefIn
    external_entitlement_ref: RefIn | None = None


class CustomerIn(RequestModel):
    """A customer to be linked to the lines."""

    customer_id: Text
    entitlements: tuple[EntitlementIn, ...] | None = Field(default=(), max_length=MOST_CUSTOMERS)


class DistributionIn(RequestModel):
    """How tickets are to be handed over."""

    fulfillment_method_ref: RefIn | None = None
    type_of_travel_document_to_issue_ref: RefIn | None = None
    customer_account_ref: RefIn | None = None


class Configuration(RequestModel):
    """What every configuration of an offer may say."""

    offer_id: OfferId
    selectable_product_ids: Codes | None = Field(
        default=(), description="Products of the offer; only supplements that do not change seating may repeat."
    )
    selected_traveller_ids: Codes | None = Field(default=(), description="Nobody named: everybody the offer maps.")
    customers: tuple[CustomerIn, ...] | None = Field(default=(), max_length=MOST_CUSTOMERS)
    distribution_details: DistributionIn | None = None
    external_reference: Text | None = None


class OfferConfiguration(Configuration):
    """An offer to be added."""

    count: Count | None = Field(default=None, description="Deprecated: that many lines.", json_schema_extra=DEPRECATED)
    order_line_id: Code | None = Field(
        default=None, description="Deprecated: use update-order.", json_schema_extra=DEPRECATED
    )
    customer_ids: tuple[Text, ...] | None = Field(default=(), max_length=MOST_CUSTOMERS, json_schema_extra=DEPRECATED)
    customer_entitlement: EntitlementIn | None = Field(
        default=None, json_schema_extra=DEPRECATED, description="Held by every one of customerIds."
    )

    @model_validator(mode="after")
    def _customers_fit(self) -> "OfferConfiguration":
        if len(self.customers or ()) + len(self.customer_ids or ()) > MOST_CUSTOMERS:
            raise ValueError("names too many customers")
        if self.customer_entitlement and not self.customer_ids:
            raise ValueError("customerEntitlement needs the customerIds that hold it")
        return self


class ReserveOffersRequest(RequestModel):
    """Offers to be added to an order, or to a new one."""

    order_id: Code | None = None
    offer_configurations: tuple[OfferConfiguration, ...] = Field(min_length=1, max_length=MOST_OPERATIONS)

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"offerConfigurations": [{"offerId": "5d3e9d2c-f9ab-4dd0-a735-100886278e0b"}]}]}
    )


class ChangeOrderLinesConfiguration(Configuration):
    """An offer to be put in the place of lines."""

    order_line_id: Code
    selected_order_line_ids: Lines | None = Field(
        default=(), description="Lines replaced together; equal in every configuration of the same line."
    )


class ChangeOrderLinesRequest(RequestModel):
    """Lines to be replaced, all of them or none."""

    order_id: Code
    offer_configurations: tuple[ChangeOrderLinesConfiguration, ...] = Field(min_length=1, max_length=MOST_OPERATIONS)
    refund_price_difference: Flag | None = Field(
        default=False, description="Whether a cheaper change pays the difference back, at the confirmation."
    )


class SelectedProduct(RequestModel):
    """A supplement, once or several times."""

    selected_product_id: Code
    count: Count | None = 1


class SupplementConfiguration(RequestModel):
    """Supplements for one line."""

    offer_id: OfferId
    order_line_id: Code
    selected_products_configuration: tuple[SelectedProduct, ...] = Field(min_length=1, max_length=MOST_OPERATIONS)
    customers: tuple[CustomerIn, ...] | None = Field(default=(), max_length=MOST_CUSTOMERS)


class AddSupplementProductsRequest(RequestModel):
    """Supplements for lines of an order."""

    order_id: Code
    offer_configurations: tuple[SupplementConfiguration, ...] = Field(min_length=1, max_length=MOST_OPERATIONS)
