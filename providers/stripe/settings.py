"""Settings of Stripe, read from the environment as STRIPE_…."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LONGEST_ACT = timedelta(seconds=15)
"""An attempt at a step ends after 20 seconds; an act ends before it, so that its own error is seen."""


class StripeSettings(BaseSettings):
    """Settings of Stripe: STRIPE_API_KEY or STRIPE_API_KEYS, STRIPE_EVENT_SECRETS, STRIPE_TIMEOUT."""

    model_config = SettingsConfigDict(env_prefix="STRIPE_")

    api_key: SecretStr | None = None
    """The secret or restricted key of the account of every tenant that `api_keys` does not name."""
    api_keys: dict[str, SecretStr] = {}
    """Keys by tenant, as JSON: each tenant has an account of its own."""
    event_secrets: tuple[SecretStr, ...] = ()
    """With which Stripe signs the events of the account of `api_key`, as a JSON list: two while they are rotated."""
    event_secrets_of: dict[str, tuple[SecretStr, ...]] = {}
    """Those of the accounts of `api_keys`, by tenant, as JSON."""
    timeout: Annotated[timedelta, Field(gt=timedelta(0), le=LONGEST_ACT)] = timedelta(seconds=12)
    """How long an act may take as a whole, with all of its requests."""
    url: str = "https://api.stripe.com"
    """The API's address; another one only in tests."""
    log: Literal[""] = ""
    """STRIPE_LOG would make the SDK print what it sends and receives, so it must not be set."""

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        if self.api_key is None and not self.api_keys:
            raise ValueError("set STRIPE_API_KEY or STRIPE_API_KEYS")
        if (self.event_secrets and self.api_key is None) or not self.event_secrets_of.keys() <= self.api_keys.keys():
            raise ValueError("STRIPE_EVENT_SECRETS and STRIPE_EVENT_SECRETS_OF belong to accounts with a key")
        return self

    @property
    def event_accounts(self) -> list[tuple[str | None, tuple[SecretStr, ...]]]:
        """Each tenant with an account of its own, and None for that of all others, with what signs its events."""
        return [(None, self.event_secrets), *self.event_secrets_of.items()]

    def key_of(self, tenant: str) -> SecretStr | None:
        """Return the API key of a tenant's account, and of no other's."""
        return self.api_keys.get(tenant, self.api_key)
