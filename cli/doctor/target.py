"""What is looked at: the installation the settings name, or the `up` that has the data folder."""

from dataclasses import dataclass
from pathlib import Path

from temporalio.envconfig import ClientConfig

from cli.instance_lock import Instance, running
from runtime.settings import Settings
from telemetry.loopback import HOST


@dataclass(frozen=True)
class Target:
    """An installation, as far as it is named."""

    settings: Settings
    data: Path
    up: Instance | None

    @classmethod
    def of(cls, data: Path) -> "Target":
        """Return what the environment and a data folder name."""
        settings, found = Settings(), running(data)
        if found and not _temporal_named(settings):
            settings = settings.model_copy(update={"temporal_address": found.temporal})
        return cls(settings, data.resolve(), found)

    @property
    def expected(self) -> bool:
        """Whether it should be running: somebody named a part of it, or an `up` says that it is."""
        return self.up is not None or self.own_database or _temporal_named(self.settings)

    @property
    def own_database(self) -> bool:
        """Whether CHANGEOVER_DATABASE names one."""
        return "database" in self.settings.model_fields_set

    @property
    def database(self) -> str:
        """The database named, else the one `up` keeps in its data folder."""
        return self.settings.database if self.own_database else f"sqlite:///{self.data / 'changeover.db'}"

    @property
    def temporal(self) -> str:
        """Temporal's address."""
        return str(ClientConfig.load_client_connect_config().get("target_host") or self.settings.temporal_address)

    @property
    def api(self) -> str:
        """The API's address."""
        host = HOST if self.settings.api_host in ("0.0.0.0", "::") else self.settings.api_host  # noqa: S104 - looked at, not bound
        return self.up.api if self.up else f"http://{host}:{self.settings.api_port}"


def _temporal_named(settings: Settings) -> bool:
    return "target_host" in ClientConfig.load_client_connect_config() or "temporal_address" in settings.model_fields_set
