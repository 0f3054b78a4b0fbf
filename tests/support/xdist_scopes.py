"""Which tests one process must run one after the other: those that share servers of their own.

`--dist loadgroup` would do it by mark, but pytest-xdist 3.8 sets a node's id where pytest 9.2 does not look.
"""

from xdist.scheduler import LoadScopeScheduling

_OF_THEIR_OWN = (
    "tests/guarantees/test_commit_answer_lost.py",
    "tests/guarantees/test_kill_points.py",
    "tests/guarantees/test_external_provider.py",
    "tests/guarantees/test_postgres_killed.py",
    "tests/guarantees/test_processes.py",
    "tests/guarantees/test_releasing.py",
    "tests/guarantees/test_temporal_killed.py",
    "tests/guarantees/test_webhooks_killed.py",
    "tests/providers/test_embedded.py",
    "tests/providers/test_examples.py",
)


class SharedServerScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Sends tests to whoever is free, but those of one file and database with servers of their own to one process."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        if file not in _OF_THEIR_OWN:
            return nodeid
        return f"{file} {'postgres' if '[postgres' in name else ''}"
