"""What an error of Stripe means: each is a fault unless an act takes it for a refusal."""

import stripe

from providers.errors import ProviderUnavailableError

_SERVER_ERRORS = 500
_CONFLICT = 409


class RejectedError(ProviderUnavailableError):
    """Stripe refuses a request, with a code or a parameter. An act decides whether its business is refused by that."""

    def __init__(self, code: str | None, param: str | None, *, card: bool = False) -> None:
        super().__init__(code or param or "rejected")
        self.code = code
        self.param = param
        self.card = card
        """Whether the card's issuer has declined."""


class KeyUsedError(ProviderUnavailableError):
    """The idempotency key was used for something else."""


class KeyInUseError(ProviderUnavailableError):
    """Another request under the idempotency key is being served."""


class StoredError(ProviderUnavailableError):
    """A server error that is answered again and again under its idempotency key, whatever was done."""


def fault_of(error: stripe.StripeError) -> ProviderUnavailableError:
    """Return what an error of the SDK means. Its text may hold data of people, so nothing of it is repeated."""
    if error.http_status == _CONFLICT:
        return KeyInUseError()
    if isinstance(error, stripe.IdempotencyError):
        return KeyUsedError()
    if isinstance(error, stripe.CardError):
        return RejectedError(error.code, error.param, card=True)
    if isinstance(error, stripe.InvalidRequestError):
        return RejectedError(error.code, error.param)
    replayed = (error.headers or {}).get("idempotent-replayed") == "true"
    if replayed and (error.http_status or 0) >= _SERVER_ERRORS:
        return StoredError()
    return ProviderUnavailableError(type(error).__name__)
