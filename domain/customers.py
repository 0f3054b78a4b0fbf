"""A line's references to the caller's own customers and tickets. They are stored and returned as sent."""

from pydantic import Field

from domain.model import Model, Text

MAX_CUSTOMERS = 50


class Reference(Model):
    """An object in another system, perhaps in one version of it."""

    id: Text
    version: Text | None = None


class Entitlement(Model):
    """A customer's contract that the sale refers to, such as a season ticket or a membership."""

    contract_id: Text | None = None
    product: Reference
    external: Reference | None = None


class Customer(Model):
    """A customer of the caller, linked to a line, with their entitlements."""

    id: Text
    entitlements: tuple[Entitlement, ...] = Field(default=(), max_length=MAX_CUSTOMERS)


class Distribution(Model):
    """How the ticket of a line is delivered."""

    fulfilment_method: Reference | None = None
    travel_document: Reference | None = None
    customer_account: Reference | None = None
