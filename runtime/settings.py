"""Settings from environment variables (CHANGEOVER_...) or secret files, with defaults for a single machine."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.settings import ALGORITHMS, LOOPBACK
from domain.dual_control import check_limits
from domain.taxes import TaxRounding
from telemetry.logs import LogFormat

_SECRETS = Path("/run/secrets")
"""The folder of a container's secret files; the file `changeover_database` there is CHANGEOVER_DATABASE."""
MIN_PEPPER_LENGTH = 32
_CLASS_PATH = r"^([A-Za-z_][\w.]*:[A-Za-z_]\w*)?$"


class Settings(BaseSettings):
    """The settings of an installation. A Temporal profile may set Temporal's address, namespace and TLS."""

    model_config = SettingsConfigDict(
        env_prefix="CHANGEOVER_",
        secrets_dir=_SECRETS if _SECRETS.is_dir() else None,
        hide_input_in_errors=True,  # some values are secrets
    )

    database: str = "sqlite:///changeover.db"
    """sqlite:///path or postgresql://user:password@host/name"""
    temporal_address: str = "127.0.0.1:7233"
    """Temporal's address, used when neither a Temporal profile nor TEMPORAL_ADDRESS sets one."""
    production: bool = False
    """Refuse to start with SQLite, with Temporal's development server, or without authentication."""
    api_host: str = "127.0.0.1"
    """The address on which the API listens."""
    api_port: int = 8080
    """The port on which the API listens."""
    api: str = ""
    """The API's URL for operators' commands; empty: this machine, at `api_port`."""
    key: SecretStr = SecretStr("")
    """The API key with which operators' commands authenticate."""
    tenant: str = "default"
    """The tenant of unauthenticated requests, and of commands that work on the database."""
    key_pepper: SecretStr = SecretStr("")
    """The secret with which API keys are hashed, at least 32 characters; empty: no API keys are accepted."""
    token_issuer: str = ""
    """The issuer (`iss`) of accepted access tokens; empty: no tokens are accepted."""
    token_audience: str = "changeover"  # noqa: S105 - a name, no secret
    """The audience (`aud`) of accepted access tokens."""
    token_keys: str = Field(default="", pattern=r"^(https://.+|http://(127\.0\.0\.1|localhost|\[::1\])[:/].*)?$")
    """The URL of the issuer's public keys (JWKS): https, or http on loopback."""
    token_algorithms: tuple[str, ...] = ("RS256", "ES256", "EdDSA")
    """The accepted signature algorithms of tokens."""
    token_max_lifetime: timedelta = timedelta(hours=1)
    """The longest accepted lifetime of a token, from its issue to its expiry."""
    client_per_minute: int = Field(default=600, ge=1)
    """Requests per minute and authenticated client."""
    unauthenticated_per_minute: int = Field(default=30, ge=1)
    """Unauthenticated requests per minute and IP address."""
    single_person_limits: dict[str, int] = {}
    """The highest amount, in minor units per currency, that one operator may state as moved by hand: {"NOK": 100000}.

    Above it, and in a currency that is not listed, a second operator must confirm the statement. The worker reads it.
    """
    prices_per_minute: int = Field(default=120, ge=1)
    """Price requests (offers, quotes, change options) per minute and authenticated client."""
    rate_limit_redis: SecretStr = SecretStr("")
    """The Redis that counts requests, redis://... or rediss://...; empty: each API process counts for itself."""
    seats: str = Field(default="", pattern=_CLASS_PATH)
    """The inventory of seats and stock: `module:Class` of your own provider (docs/tutorial.md); empty: embedded.

    Such a provider is external to our database and has a task queue of its own. Worker and API need the same value.
    """
    offers: str = Field(default="", pattern=_CLASS_PATH)
    """The offer catalogue: likewise."""
    lookup_timeout: timedelta = Field(default=timedelta(seconds=4), gt=timedelta(), le=timedelta(seconds=5))
    """How long a search, a quote, options or a step wait for an external catalogue or inventory that they only ask.

    Shorter than an attempt at a step (activities/support/step_kinds.py). Later the answer is PROVIDER_UNAVAILABLE.
    """
    lookups_at_once: int = Field(default=12, ge=1, le=16)
    """How many callers per process wait for each of them at once; further ones get PROVIDER_UNAVAILABLE at once.

    Few enough to leave some of the API's 40 threads free when both are slow.
    """
    payments: str = Field(default="", pattern=_CLASS_PATH)
    """The payment provider: likewise."""
    tax_rounding: TaxRounding = TaxRounding.LINE
    """How the tax of a new order is rounded: per line, or once per rate over the order. An order keeps its own."""
    retention: timedelta | None = Field(default=None, gt=timedelta())
    """How long `erase --due` keeps personal data after an order's end (ISO 8601, P730D); unset: it never expires."""
    draft_life: timedelta = timedelta(minutes=20)
    """How long a draft stays open after its last change."""
    offer_life: timedelta = timedelta(minutes=20)
    """How long an offer of the embedded catalogue is valid."""
    hold_margin: timedelta = timedelta(hours=24)
    """How much longer than its draft a seat or unit is held, as a safety margin."""
    reseat: str = Field(default="", pattern=r"^(same_service)?$")
    """same_service: a paid change whose seats are gone gets other ones on the same service, once, by itself.

    Never seats that the client named. Empty: only an operator reseats. Worker and API need the same value.
    """
    changes_per_hour: int = Field(default=200, ge=1)
    """Changes and extensions per hour and order; requests that end its draft are not counted."""
    seats_held_per_order: int = Field(default=100, ge=1)
    """Seats that a draft may hold at once, not counting sold ones; as many units of a product on a service or day."""
    seats_held_per_client: int = Field(default=1000, ge=1)
    """Seats that all open drafts of an authenticated client may hold at once, and units likewise."""
    reconcile_every: timedelta = timedelta(minutes=1)
    """The interval of the reconciliation between store and Temporal; read when its schedule is first created."""
    webhooks_allow_private: bool = False
    """Allow webhooks with plain http and private addresses: for development only, not where other parties subscribe."""
    webhooks_poll_interval: timedelta = Field(default=timedelta(seconds=1), gt=timedelta())
    """How often a worker polls the outbox for pending events."""
    webhooks_at_once: int = Field(default=32, ge=1)
    """Concurrent posts to webhooks per worker."""
    shutdown_seconds: float = Field(default=25, gt=0)
    """Seconds that a stopping worker lets steps finish; longer than one attempt (activities/support/step_kinds.py)."""
    entur_supplement_path: str = "/v1/update-order/supplement-products"
    """The path below /sales that adds supplements; Entur's own path for it is not public."""
    entur_unnamed_per_minute: int = Field(default=10, ge=1)
    """Requests per minute and IP address from clients without a well-formed ET-Client-Name."""
    entur_named_per_minute: int = Field(default=600, ge=1)
    """Requests per minute and ET-Client-Name."""
    discover_base_path: str = Field(default="/b2bmarket/v1", pattern=r"^(/[A-Za-z0-9_.~-]+)+$")
    """The base path of discover.swiss's order API."""
    discover_strict: bool = False
    """Answer 400 instead of 200 when the messages contain validation errors; the body is the same."""
    web_ui: str | None = None
    """The URL of Temporal's Web UI, such as http://127.0.0.1:8233; the desk links to it."""
    desk: bool | None = None
    """Whether /desk is served; by default only if the API binds to loopback (docs/desk.md)."""
    desk_hosts: tuple[str, ...] = ()
    """Host names under which the desk is served, besides loopback and `api_host` (docs/desk.md)."""
    heartbeat: Path | None = None
    """A file that the worker writes every few seconds, for `python -m runtime.heartbeat FILE` (docs/deployment.md)."""
    proxies: str = Field(default="", pattern=r"^[0-9a-fA-F.:/, ]*$")
    """Trusted proxies in front of the API, by address or network: their `X-Forwarded-For` is the client's address."""
    connections: int = Field(default=1000, ge=1)
    """Concurrent connections per API process; requests on further connections get 503."""
    watchers: int = Field(default=100, ge=1)
    """Concurrent change streams (server-sent events) per API process."""
    watchers_per_client: int = Field(default=25, ge=1)
    """Concurrent change streams per authenticated client and API process."""
    watch_life: timedelta = timedelta(minutes=15)
    """The lifetime of a change stream, after which its client must resume it."""
    build: str = ""
    """The worker's build id; a draft stays with the build that opened it (docs/releasing.md); empty: any build."""
    log_format: LogFormat | None = None
    """json or console; by default console on a terminal and JSON lines elsewhere."""
    metrics_host: str = "127.0.0.1"
    """The address on which the API and the worker serve /metrics."""
    api_metrics_port: int = Field(default=0, ge=0, le=65535)
    """The port on which the API serves /metrics; 0: not served."""
    worker_metrics_port: int = Field(default=0, ge=0, le=65535)
    """The port on which the worker serves /metrics; 0: not served."""
    tracing: bool = False
    """Whether spans are exported to OTEL_EXPORTER_OTLP_ENDPOINT; needs the extra `tracing`."""
    threads: int = Field(default=16, ge=2)
    """Activities that a worker runs at once, per task queue."""
    cached_drafts: int = Field(default=500, ge=0)
    """Workflow runs that a worker keeps in memory; others are replayed from their history."""
    sandboxed: bool = False
    """Run workflows in Temporal's sandbox; this is slower (docs/decisions/0017)."""
    drafts_at_once: int = Field(default=8, ge=2)
    """Workflow tasks that a worker runs at once; the others wait in Temporal's task queue, where no time-out runs.

    With too many, they share the processor until none ends within its task's time-out, and all start again.
    """

    @field_validator("key_pepper")
    @classmethod
    def _check_pepper(cls, value: SecretStr) -> SecretStr:
        if value and len(value.get_secret_value()) < MIN_PEPPER_LENGTH:
            raise ValueError(f"at least {MIN_PEPPER_LENGTH} characters, such as `openssl rand -hex 32` prints")
        return value

    @field_validator("single_person_limits")
    @classmethod
    def _check_currencies(cls, value: dict[str, int]) -> dict[str, int]:
        return dict(check_limits(value))

    @field_validator("rate_limit_redis")
    @classmethod
    def _check_redis_url(cls, value: SecretStr) -> SecretStr:
        if value and not value.get_secret_value().startswith(("redis://", "rediss://")):
            raise ValueError("redis://... or rediss://..., or empty")
        return value

    @field_validator("token_algorithms")
    @classmethod
    def _check_algorithms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not set(value) <= set(ALGORITHMS):
            raise ValueError(f"of {', '.join(ALGORITHMS)}")
        return value

    @model_validator(mode="after")
    def _check_issuer_has_keys(self) -> Self:
        if bool(self.token_issuer) != bool(self.token_keys):
            raise ValueError("token_issuer and token_keys belong together")
        return self

    @property
    def authentication_enabled(self) -> bool:
        """Whether the API authenticates clients."""
        return bool(self.key_pepper) or bool(self.token_issuer)

    @property
    def serves_desk(self) -> bool:
        """Whether /desk is served."""
        return self.api_host in LOOPBACK if self.desk is None else self.desk
