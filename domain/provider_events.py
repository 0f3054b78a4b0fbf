"""What an outside provider notifies us of by itself: each event is a fact about one of our keys."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from domain.model import Model
from domain.money import Money


class ProviderEventKind(StrEnum):
    """The kinds of events that concern us."""

    REFUND_PAID = "refund_paid"
    REFUND_FAILED = "refund_failed"
    """A refund that was accepted, or even counted as paid, was not paid to the customer."""
    AUTHORISATION_ENDED = "authorisation_ended"
    """An authorisation sets nothing aside any more, and nothing of it was captured."""
    DISPUTE_OPENED = "dispute_opened"
    """The cardholder disputes a captured payment at the bank."""
    DISPUTE_WON = "dispute_won"
    """A dispute has ended, and the captured money stays with the shop."""
    DISPUTE_LOST = "dispute_lost"
    """A dispute has ended, and the captured money goes back to the cardholder."""


DISPUTES = (ProviderEventKind.DISPUTE_OPENED, ProviderEventKind.DISPUTE_WON, ProviderEventKind.DISPUTE_LOST)
REFUNDS = (ProviderEventKind.REFUND_PAID, ProviderEventKind.REFUND_FAILED)
_Name = Annotated[str, Field(strict=True, min_length=1, max_length=100)]


class ProviderEvent(Model):
    """One event, in our own words. It has no personal data."""

    provider: Annotated[str, Field(strict=True, pattern=r"^[a-z][a-z_]{0,39}$")]
    """The provider whose ids of events these are."""
    id: _Name
    """The provider's id of the event: the same in each delivery of it."""
    tenant: Annotated[str, Field(strict=True, min_length=1, max_length=64)]
    kind: ProviderEventKind
    key: _Name
    """Our key: of the refund, of the authorisation, or of the authorisation of the disputed payment."""
    amount: Money
    """What was refunded, authorised or disputed."""
    dispute: _Name | None = None
    """The provider's name of the dispute, by which its end is known to be of the same one."""

    @model_validator(mode="after")
    def _check_dispute(self) -> Self:
        if (self.kind in DISPUTES) != (self.dispute is not None):
            raise ValueError("a dispute, and nothing else, has a name")
        return self


class DisputeState(StrEnum):
    """The state of a dispute."""

    OPEN = "open"
    """It is a case that operators see."""
    WON = "won"
    LOST = "lost"
    CLOSED = "closed"
    """An operator has closed the case before the provider said how the dispute ended."""
