"""The errors that providers raise. activities/support/errors.py decides which are refusals and which are faults."""

from datetime import date

from domain.money import Money


class ProviderError(Exception):
    """A provider did not do what was requested."""

    members: tuple[dict[str, str | int], ...] = ()
    """What the error is about, by ids of the catalogue; shown to clients."""


class NoSeatsLeftError(ProviderError):
    """Fewer seats are free than requested."""

    def __init__(self, service: str | None = None) -> None:
        super().__init__()
        self.members = ({"service": service},) if service else ()


class NoStockLeftError(ProviderError):
    """Fewer units of a product or supplement are free on a service or day than requested."""

    def __init__(self, item: str, service: str | None = None, day: date | None = None) -> None:
        super().__init__()
        place = {"service": service} if service else {"day": day.isoformat()} if day else {}
        self.members = ({"product": item, **place},)


class SeatIsTakenError(ProviderError):
    """A seat requested by name is held or sold."""


class NoSuchSeatError(ProviderError):
    """The service has no seat of that name."""


class HoldIsGoneError(ProviderError):
    """A hold expired or was released, so it can be neither extended nor confirmed."""


class HoldCostsMoneyError(ProviderError):
    """An extension of a hold has a price, and nothing was extended."""

    def __init__(self, price: Money | None = None) -> None:
        super().__init__()
        self.members = ({"amount": str(price), "currency": price.currency},) if price else ()


class PaymentDeclinedError(ProviderError):
    """The payment is not authorised, or its capture is declined."""


class ActionRequiredError(ProviderError):
    """The payer must do something first, such as authenticate; nothing is authorised.

    The reference is the provider's name for what the shop continues with, by its own means of access: nothing secret
    and nothing personal, since it is stored and shown.
    """

    def __init__(self, reference: str | None = None) -> None:
        super().__init__()
        self.members = ({"reference": reference},) if reference else ()


class AuthorisationEndedError(ProviderError):
    """The authorisation has ended by itself, so that nothing of it can be captured."""


class RefundDeclinedError(ProviderError):
    """The refund to the original payment is declined; nothing was refunded."""


class ProviderUnavailableError(ProviderError):
    """The provider gave no usable answer. This is a fault, so the step is retried."""


class ProviderPendingError(ProviderUnavailableError):
    """The provider has accepted what was requested and not done it yet. Raised by us, so that the step is retried."""


class ProviderAnswerWrongError(ProviderUnavailableError):
    """The provider answered something else than was requested, or what cannot be. Raised by us, who compare it."""


class EventError(Exception):
    """A delivery of an event is refused. No step raises it. Its text must not contain what was delivered."""


class EventNotVerifiedError(EventError):
    """The delivery is not signed by the provider, was altered, or was signed too long ago."""


class EventUnreadableError(EventError):
    """The delivery is signed by the provider, and cannot be read."""
