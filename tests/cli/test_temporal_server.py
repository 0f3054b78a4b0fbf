"""The Temporal server that `up` and `demo` start is tuned; with its defaults it would limit the dispatch of tasks."""

from itertools import pairwise
from pathlib import Path

from cli.stack import Ports, Stack


def test_the_server_that_up_and_demo_start_is_tuned(tmp_path: Path) -> None:
    command = Stack(tmp_path, Ports.free()).server.command
    options = [f"{option} {value}" for option, value in pairwise(command)]
    assert {
        "--dynamic-config-value history.transferProcessorMaxPollRPS=5000",
        '--dynamic-config-value history.timerProcessorMaxTimeShift="10ms"',
        "--sqlite-pragma journal_mode=wal",
        "--sqlite-pragma synchronous=normal",
    } <= set(options)
