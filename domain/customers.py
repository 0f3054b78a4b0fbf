"""Whose line it is in somebody else's books: stored and returned as sent, never interpreted."""

from pydantic import Field

from domain.model import Model, Text

MOST_CUSTOMERS = 50


class Reference(Model):
    """Something in another system, perhaps in one version of it."""

    id: Text
    version: Text | None = None


class Entitlement(Model):
    """What a customer holds that the sale refers to: a season ticket, a membership."""

    contract_id: Text | None = None
    product: Reference
    external: Reference | None = None


class Customer(Model):
    """A customer of the caller's, linked to a line with what entitles them."""

    id: Text
    entitlements: tuple[Entitlement, ...] = Field(default=(), max_length=MOST_CUSTOMERS)


class Distribution(Model):
    """How a line's ticket is to be handed over."""

    fulfilment_method: Reference | None = None
    travel_document: Reference | None = None
    customer_account: Reference | None = None
