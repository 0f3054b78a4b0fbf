"""The installation to check: the one that the settings name, else the `up` that uses the data folder."""

from dataclasses import dataclass
from pathlib import Path

from temporalio.envconfig import ClientConfig

from cli.instance_lock import Instance, find_running
from runtime.settings import Settings
from telemetry.loopback import HOST


@dataclass(frozen=True)
class Target:
    """An installation: its settings, data folder and running `up`, if any."""

    settings: Settings
    data: Path
    up: Instance | None

    @classmethod
    def of(cls, data: Path) -> "Target":
        """Return the installation that the environment and a data folder name."""
        settings, instance = Settings(), find_running(data)
        if instance and not _temporal_named(settings):
            settings = settings.model_copy(update={"temporal_address": instance.temporal})
        return cls(settings, data.resolve(), instance)

    @property
    def expected(self) -> bool:
        """Whether it should be running: the settings name a part of it, or an `up` uses the data folder."""
        return self.up is not None or self.own_database or _temporal_named(self.settings)

    @property
    def own_database(self) -> bool:
        """Whether CHANGEOVER_DATABASE is set."""
        return "database" in self.settings.model_fields_set

    @property
    def database(self) -> str:
        """The URL of the configured database, else of the one that `up` keeps in the data folder."""
        return self.settings.database if self.own_database else f"sqlite:///{self.data / 'changeover.db'}"

    @property
    def demo_bank(self) -> str | None:
        """The address of the demo bank that the running `up` uses; None without one."""
        return self.up.bank if self.up and not self.own_database and not self.settings.payments else None

    @property
    def external_payments(self) -> bool:
        """Whether the payment provider is external."""
        return bool(self.settings.payments or self.demo_bank)

    @property
    def temporal(self) -> str:
        """Temporal's address, host:port."""
        return str(ClientConfig.load_client_connect_config().get("target_host") or self.settings.temporal_address)

    @property
    def api(self) -> str:
        """The API's URL."""
        host = HOST if self.settings.api_host in ("0.0.0.0", "::") else self.settings.api_host  # noqa: S104 - compared, not bound
        return self.up.api if self.up else f"http://{host}:{self.settings.api_port}"


def _temporal_named(settings: Settings) -> bool:
    return "target_host" in ClientConfig.load_client_connect_config() or "temporal_address" in settings.model_fields_set
