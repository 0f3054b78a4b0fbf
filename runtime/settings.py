"""Settings from the environment (CHANGEOVER_...), with defaults for one machine."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.settings import ALGORITHMS, LOOPBACK
from domain.dual_control import checked_limits
from telemetry.logs import LogFormat

_SECRETS = Path("/run/secrets")
"""Where containers find files with secrets; `changeover_database` there is CHANGEOVER_DATABASE."""
SHORTEST_PEPPER = 32
_NAMED = r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*)?$"


class Settings(BaseSettings):
    """How this installation runs. Temporal's own address, namespace and TLS come from its profile."""

    model_config = SettingsConfigDict(
        env_prefix="CHANGEOVER_",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
        hide_input_in_errors=True,  # some are secrets
    )

    database: str = "sqlite:///changeover.db"
    """sqlite:///path or postgresql://user:password@host/name"""
    temporal_address: str = "127.0.0.1:7233"
    """Used when neither a Temporal profile nor TEMPORAL_ADDRESS names one."""
    production: bool = False
    """Refuse to start with what is for development: SQLite, Temporal's development server, an API without a door."""
    api_host: str = "127.0.0.1"
    api_port: int = 8080
    api: str = ""
    """Where operators' commands find the API; empty: on this machine, at `api_port`."""
    key: SecretStr = SecretStr("")
    """The API key by which operators' commands are known."""
    tenant: str = "default"
    key_pepper: SecretStr = SecretStr("")
    """What clients' API keys are hashed with, 32 characters or more; without, no keys are taken."""
    token_issuer: str = ""
    """Whose access tokens are taken: their `iss`; without, none are."""
    token_audience: str = "changeover"  # noqa: S105 - a name, no secret
    """Their `aud`."""
    token_keys: str = Field(default="", pattern=r"^(https://.+|http://(127\.0\.0\.1|localhost|\[::1\])[:/].*)?$")
    """Where the issuer's public keys (JWKS) are."""
    token_algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    token_max_lifetime: timedelta = timedelta(hours=1)
    """How long a token may be good for in all."""
    client_per_minute: int = Field(default=600, ge=1)
    """Requests of each client that is known."""
    unauthenticated_per_minute: int = Field(default=30, ge=1)
    """Requests from each address by whom is not let in."""
    single_person_limits: dict[str, int] = {}
    """Up to how much, in minor units by currency, one operator may say that money was moved by hand: {"NOK": 100000}.

    Above, and in a currency that is not named, a second one has to say so too. The worker reads it.
    """
    prices_per_minute: int = Field(default=120, ge=1)
    """Of a client's requests, those that only ask for prices: offers, quotes, change options."""
    rate_limit_redis: SecretStr = SecretStr("")
    """Where requests are counted, redis://... or rediss://...; empty: in each API process by itself."""
    seats: str = Field(default="", pattern=_NAMED)
    """Whose seat inventory: `module:Class` of one of your own (docs/tutorial.md), empty for the embedded one.

    What is named here lives outside our database and has a task queue of its own. Worker and API must agree.
    """
    offers: str = Field(default="", pattern=_NAMED)
    """Whose offer catalogue: likewise."""
    payments: str = Field(default="", pattern=_NAMED)
    """Whose payment provider: likewise."""
    retention: timedelta | None = Field(default=None, gt=timedelta())
    """How long after an order has ended `erase --due` leaves its people in (ISO 8601, P730D); none: for ever."""
    draft_life: timedelta = timedelta(minutes=20)
    offer_life: timedelta = timedelta(minutes=20)
    hold_margin: timedelta = timedelta(hours=24)
    """How much longer than its draft a seat is held, as a safety net."""
    changes_per_hour: int = Field(default=200, ge=1)
    """How often one order may be asked to change, or to last longer; ending its draft is not counted."""
    seats_held_per_order: int = Field(default=100, ge=1)
    """Seats a draft may hold at once that are not sold yet."""
    seats_held_per_client: int = Field(default=1000, ge=1)
    """Seats all open drafts of a client that is known may hold at once."""
    reconcile_every: timedelta = timedelta(minutes=1)
    """How often store and Temporal are compared; taken when the schedule is first made."""
    webhooks_allow_private: bool = False
    """Let webhooks have plain http and any address: for development, never where others subscribe."""
    webhooks_poll_interval: timedelta = Field(default=timedelta(seconds=1), gt=timedelta())
    """How often a worker looks for events that no webhook has been told of."""
    webhooks_at_once: int = Field(default=32, ge=1)
    """Posts to webhooks a worker has under way."""
    shutdown_seconds: float = Field(default=25, gt=0)
    """How long a stopping worker lets steps finish; longer than one attempt (activities/support/step_kinds.py)."""
    entur_supplement_path: str = "/v1/update-order/supplement-products"
    """Below /sales; where Entur itself adds supplements is not public."""
    entur_unnamed_per_minute: int = Field(default=10, ge=1)
    """Requests per address from clients without a well-formed ET-Client-Name."""
    entur_named_per_minute: int = Field(default=600, ge=1)
    """Requests per client name."""
    discover_base_path: str = Field(default="/b2bmarket/v1", pattern=r"^(/[A-Za-z0-9_.~-]+)+$")
    """Where discover.swiss's order API is served."""
    discover_strict: bool = False
    """Answer 400 instead of 200 where validation errors are among the messages; the body is the same."""
    web_ui: str | None = None
    """Where Temporal's Web UI is, such as http://127.0.0.1:8233: the desk links to it."""
    desk: bool | None = None
    """Whether /desk is served; by default only where the API binds to loopback, for it has no accounts."""
    desk_hosts: tuple[str, ...] = ()
    """Names the desk may be called by, beside loopback ones and api_host (docs/desk.md)."""
    heartbeat: Path | None = None
    """A file the worker writes every few seconds, for `python -m runtime.heartbeat FILE` (docs/deployment.md)."""
    proxies: str = Field(default="", pattern=r"^[0-9a-fA-F.:/, ]*$")
    """Proxies in front of the API, by address or network: what they say of who asks (`X-Forwarded-For`) is believed."""
    connections: int = Field(default=1000, ge=1)
    """Connections an API process serves at once; whoever asks over more is answered 503."""
    watchers: int = Field(default=100, ge=1)
    """How many changes clients may watch live at once, in each API process."""
    watchers_per_client: int = Field(default=25, ge=1)
    """How many of these a client that is known may have."""
    watch_life: timedelta = timedelta(minutes=15)
    """How long such a stream lives before its client has to resume it."""
    build: str = ""
    """Which build the worker is, so that a draft stays with the one that opened it (docs/releasing.md); empty: any."""
    log_format: LogFormat | None = None
    """json or console; by default console on a terminal and JSON lines elsewhere."""
    metrics_host: str = "127.0.0.1"
    api_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where the API serves /metrics; 0: nowhere."""
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    """Likewise the worker."""
    tracing: bool = False
    """Whether spans are sent to where OTEL_EXPORTER_OTLP_ENDPOINT says; needs the extra `tracing`."""
    threads: int = Field(default=16, ge=2)
    cached_drafts: int = Field(default=500, ge=0)
    sandboxed: bool = False
    """Run workflows in Temporal's sandbox, which the tests do: slower (docs/decisions/0017)."""
    drafts_at_once: int = Field(default=8, ge=2)
    """How many drafts a worker moves at once; the others wait in Temporal's queue, where no time-out runs.

    Too many share the processor until none ends within its task's time-out, and all begin anew.
    """

    @field_validator("key_pepper")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if value and len(value.get_secret_value()) < SHORTEST_PEPPER:
            raise ValueError(f"at least {SHORTEST_PEPPER} characters, such as `openssl rand -hex 32` prints")
        return value

    @field_validator("single_person_limits")
    @classmethod
    def _of_currencies(cls, value: dict[str, int]) -> dict[str, int]:
        return dict(checked_limits(value))

    @field_validator("rate_limit_redis")
    @classmethod
    def _a_redis(cls, value: SecretStr) -> SecretStr:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("redis://... or rediss://..., or empty")
        return value

    @field_validator("token_algorithms")
    @classmethod
    def _public(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not set(value) <= set(ALGORITHMS):
            raise ValueError(f"of {', '.join(ALGORITHMS)}")
        return value

    @model_validator(mode="after")
    def _issuer_with_keys(self) -> Self:
        if bool(self.token_issuer) != bool(self.token_keys):
            raise ValueError("token_issuer and token_keys belong together")
        return self

    @property
    def authentication_enabled(self) -> bool:
        """Whether the API asks clients who they are."""
        return bool(self.key_pepper) or bool(self.token_issuer)

    @property
    def serves_desk(self) -> bool:
        """Whether /desk is served."""
        return self.api_host in LOOPBACK if self.desk is None else self.desk
