"""Payments by Stripe, on its official SDK: the extra `stripe`. docs/stripe.md says how to connect it."""

try:
    import stripe as _sdk  # noqa: F401 - first of all, so that a missing one is named
except ModuleNotFoundError:
    raise ImportError("Stripe's SDK is not installed: pip install stripe (the extra `stripe`)") from None

from providers.stripe.payments import StripePayments
from providers.stripe.settings import StripeSettings

__all__ = ["StripePayments", "StripeSettings"]
