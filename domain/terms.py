"""The terms a line is sold under: its change fee, and until when it may be sold and given up."""

from enum import StrEnum

from domain.model import Model
from domain.money import Money, zero


class ReturnableUntil(StrEnum):
    """Until when a line may be given up. A line on a service may be given up until its departure at the latest."""

    START = "start"
    END = "end"
    ALWAYS = "always"
    NOT = "not"
    LINE = "line"
    """Of a supplement without a limit of its own: as long as its line."""


class SoldUntil(StrEnum):
    """Until when a product without a service is sold; one with a service is sold until its departure."""

    START = "start"
    END = "end"
    ALWAYS = "always"
    LINE = "line"
    """Of a supplement without a limit of its own: as long as its line."""


class Terms(Model):
    """What a line was sold under. An offer promises them together with its price and tax rate."""

    change_fee: Money
    returnable_until: ReturnableUntil = ReturnableUntil.START
    sold_until: SoldUntil = SoldUntil.END


def free_terms(currency: str) -> Terms:
    """Return terms without a change fee and with the default limits."""
    return Terms(change_fee=zero(currency))
