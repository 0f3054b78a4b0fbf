"""Settings from the environment (CHANGEOVER_...), with defaults for one machine."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from activities.steps import Place


class Settings(BaseSettings):
    """How this installation runs. Temporal's own address, namespace and TLS come from its profile."""

    model_config = SettingsConfigDict(env_prefix="CHANGEOVER_")

    database: str = "sqlite:///changeover.db"
    """sqlite:///path or postgresql://user:password@host/name"""
    temporal_address: str = "127.0.0.1:7233"
    """Used when neither a Temporal profile nor TEMPORAL_ADDRESS names one."""
    api_host: str = "127.0.0.1"
    api_port: int = 8080
    api: str = ""
    """Where operators' commands find the API; empty: on this machine, at `api_port`."""
    tenant: str = "default"
    outside: tuple[Place, ...] = ()
    """Providers that leave our database: their steps run on their own task queues."""
    draft_life: timedelta = timedelta(minutes=20)
    offer_life: timedelta = timedelta(minutes=20)
    hold_margin: timedelta = timedelta(hours=24)
    """How much longer than its draft a seat is held, as a safety net."""
    reconcile_every: timedelta = timedelta(minutes=1)
    """How often store and Temporal are compared; taken when the schedule is first made."""
    shutdown_seconds: float = Field(default=10, gt=0)
    """How long a stopping worker lets steps finish; longer than an attempt at one (activities/steps.py)."""
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
    watchers: int = Field(default=100, ge=1)
    """How many changes clients may watch live at once, in each API process."""
    watch_life: timedelta = timedelta(minutes=15)
    """How long such a stream lives before its client has to resume it."""
    build: str = ""
    """Which build the worker is, so that a draft stays with the one that opened it (docs/releasing.md); empty: any."""
    threads: int = Field(default=16, ge=2)
    cached_drafts: int = Field(default=500, ge=0)
