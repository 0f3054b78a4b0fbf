"""The errors that providers raise. activities/support/errors.py decides which are refusals and which are faults."""


class ProviderError(Exception):
    """A provider did not do what was requested."""


class NoSeatsLeftError(ProviderError):
    """Fewer seats are free than requested."""


class SeatIsTakenError(ProviderError):
    """A seat requested by name is held or sold."""


class NoSuchSeatError(ProviderError):
    """The service has no seat of that name."""


class HoldIsGoneError(ProviderError):
    """A hold expired or was released, so it can be neither extended nor confirmed."""


class PaymentDeclinedError(ProviderError):
    """The payment is not authorised, or its capture is declined."""


class RefundDeclinedError(ProviderError):
    """The refund to the original payment is declined."""


class ProviderUnavailableError(ProviderError):
    """The provider gave no usable answer. This is a fault, so the step is retried."""
