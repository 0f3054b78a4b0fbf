"""Distributes tests over processes: tests of a file that starts its own servers all run in one process.

`--dist loadgroup` would do it by mark, but pytest-xdist 3.8 sets a node's id where pytest 9.2 does not read it.
"""

from xdist.scheduler import LoadScopeScheduling

_WITH_OWN_SERVERS = (
    "tests/guarantees/test_commit_answer_lost.py",
    "tests/guarantees/test_kill_points.py",
    "tests/guarantees/test_external_provider.py",
    "tests/guarantees/test_refused_refunds.py",
    "tests/guarantees/test_refused_too_late.py",
    "tests/guarantees/test_refunds_killed.py",
    "tests/guarantees/test_postgres_killed.py",
    "tests/guarantees/test_processes.py",
    "tests/guarantees/test_releasing.py",
    "tests/guarantees/test_temporal_killed.py",
    "tests/guarantees/test_webhooks_killed.py",
    "tests/providers/test_embedded.py",
    "tests/providers/test_examples.py",
)


class SharedServerScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Sends each test to a free process, but all tests of one file with its own servers, by database, to one."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        if file not in _WITH_OWN_SERVERS:
            return nodeid
        return f"{file} {'postgres' if '[postgres' in name else ''}"
