"""Distributes tests over processes: tests that share an installation of their file's own all run in one process.

`--dist loadgroup` would do it by mark, but pytest-xdist 3.8 sets a node's id where pytest 9.2 does not read it.
"""

from xdist.scheduler import LoadScopeScheduling

_WITH_OWN_INSTALLATIONS = (
    "tests/guarantees/test_catalogue_down.py",
    "tests/guarantees/test_commit_answer_lost.py",
    "tests/guarantees/test_done_by_hand.py",
    "tests/guarantees/test_external_provider.py",
    "tests/guarantees/test_groups_external.py",
    "tests/guarantees/test_hold_limits.py",
    "tests/guarantees/test_kill_points.py",
    "tests/guarantees/test_lost_seat_answers.py",
    "tests/guarantees/test_money_at_risk.py",
    "tests/guarantees/test_new_step.py",
    "tests/guarantees/test_postgres_killed.py",
    "tests/guarantees/test_processes.py",
    "tests/guarantees/test_provider_ends.py",
    "tests/guarantees/test_provider_events.py",
    "tests/guarantees/test_provider_situations.py",
    "tests/guarantees/test_refunds_killed.py",
    "tests/guarantees/test_refused_refunds.py",
    "tests/guarantees/test_refused_too_late.py",
    "tests/guarantees/test_releasing.py",
    "tests/guarantees/test_reseat.py",
    "tests/guarantees/test_reseat_by_itself.py",
    "tests/guarantees/test_reversal.py",
    "tests/guarantees/test_reversal_killed.py",
    "tests/guarantees/test_seat_books.py",
    "tests/guarantees/test_settlement_moves.py",
    "tests/guarantees/test_temporal_killed.py",
    "tests/guarantees/test_undo_at_providers.py",
    "tests/guarantees/test_webhooks_killed.py",
    "tests/guarantees/test_wrong_seats.py",
    "tests/providers/test_embedded.py",
    "tests/providers/test_examples.py",
)
_INSTALLATIONS = {"sqlite", "postgres", "none", "seats", "bank", "both", "all"}
"""Values of the parameters that choose an installation: its database, and what is outside of it."""


class SharedServerScheduling(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types
    """Sends each test to a free process, but all tests of one file with the same installation of its own to one."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, name = nodeid.partition("::")
        if file not in _WITH_OWN_INSTALLATIONS:
            return nodeid
        parameters = name.partition("[")[2].rstrip("]").split("-")
        return " ".join([file, *(each for each in parameters if each in _INSTALLATIONS)])
