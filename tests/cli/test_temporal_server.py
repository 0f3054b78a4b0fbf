"""The Temporal server that `up` and `demo` start does not hold tasks back, as one does that nobody tuned."""

from itertools import pairwise
from pathlib import Path

from cli.stack import Ports, Stack


def test_the_server_that_up_and_demo_start_is_tuned(tmp_path: Path) -> None:
    words = Stack(tmp_path, Ports.free()).server.command
    told = [f"{option} {value}" for option, value in pairwise(words)]
    assert {
        "--dynamic-config-value history.transferProcessorMaxPollRPS=5000",
        '--dynamic-config-value history.timerProcessorMaxTimeShift="10ms"',
        "--sqlite-pragma journal_mode=wal",
        "--sqlite-pragma synchronous=normal",
    } <= set(told)
