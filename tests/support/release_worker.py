"""A worker of a release in a process of its own: python -m tests.support.release_worker RELEASE

What a release changes is replaced in this process alone, so workers of several releases run beside each other.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import worker
from cli.processes import Child
from runtime.settings import Settings
from tests.support import next_release, two_releases

RELEASES: Mapping[str, next_release.Release] = {
    each.__name__: each
    for each in (
        next_release.unchanged,
        next_release.added_step,
        next_release.added_step_under_a_patch,
        two_releases.with_later_members,
        two_releases.without_later_members,
    )
}


def worker_of(
    release: next_release.Release, database: str, temporal: str, namespace: str, folder: Path, build: str = ""
) -> Child:
    """Return the worker process of a release, which a test starts and stops."""
    environment = {
        "CHANGEOVER_DATABASE": database,
        "CHANGEOVER_BUILD": build,
        "TEMPORAL_ADDRESS": temporal,
        "TEMPORAL_NAMESPACE": namespace,
    }
    command = [sys.executable, "-m", __name__, release.__name__]
    return Child(release.__name__, command, folder / f"{release.__name__}.log", environment)


if __name__ == "__main__":
    RELEASES[sys.argv[1]](pytest.MonkeyPatch())
    asyncio.run(worker.run(Settings()))
