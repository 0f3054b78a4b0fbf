"""Two releases beside each other: a newer API, and workers of an older or of the newer release."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from domain import formats
from domain.changes import ChangeRequest
from store.changes import changes
from store.tables import ChangeRow

LATER = {"at_most": None, "refund_price_difference": None}
"""Members of a request, with their defaults, which the newer release here has added in its format 2."""


def with_later_members(release: pytest.MonkeyPatch) -> None:
    """Make this the release that has added a price limit and a refund decision to the request."""
    release.setattr(formats, "ADDED", {f"ChangeRequest.{name}": 2 for name in LATER})
    release.setattr(formats, "KNOWN", 2)


def without_later_members(release: pytest.MonkeyPatch) -> None:
    """Make this the release before, which reads what the newer one has added as absent."""
    complete = changes.request_of

    def request_of(row: ChangeRow) -> ChangeRequest:
        return complete(row).model_copy(update=LATER)

    release.setattr(formats, "KNOWN", formats.FIRST)
    release.setattr(changes, "request_of", request_of)


@contextmanager
def newer_release() -> Iterator[None]:
    """API and workers of this process are of the newer release."""
    with pytest.MonkeyPatch.context() as release:
        with_later_members(release)
        yield


@contextmanager
def older_workers() -> Iterator[None]:
    """Within the newer release: the workers of this process are of the release before."""
    with pytest.MonkeyPatch.context() as release:
        without_later_members(release)
        yield
