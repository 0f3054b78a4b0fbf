"""What providers say when they do not do what was asked. activities/support/errors.py tells no from fault."""


class ProviderError(Exception):
    """A provider did not do it."""


class NoSeatsLeftError(ProviderError):
    """Fewer free seats than asked for."""


class SeatIsTakenError(ProviderError):
    """A seat asked for by name is somebody else's."""


class NoSuchSeatError(ProviderError):
    """The service has no seat of that name."""


class HoldIsGoneError(ProviderError):
    """A hold ran out and cannot be prolonged or confirmed."""


class PaymentDeclinedError(ProviderError):
    """The money is not set aside, or not given."""


class RefundDeclinedError(ProviderError):
    """The money cannot go back to where it came from."""


class ProviderUnavailableError(ProviderError):
    """No answer that means anything; trying again may help."""
