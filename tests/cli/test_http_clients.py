"""Which answers a client repeats under the same key, and which are outcomes."""

from typing import Any

import httpx2
import pytest

from cli.http_clients.responses import has_ended


def answer(status: int, **body: Any) -> httpx2.Response:
    return httpx2.Response(status, json=body)


def test_a_change_that_was_undone_because_of_a_provider_has_ended() -> None:
    assert has_ended(answer(503, code="PROVIDER_UNAVAILABLE", change="c"))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (503, {"code": "PROVIDER_UNAVAILABLE"}),
        (503, {"code": "ENGINE_UNREACHABLE", "change": "c"}),
        (503, {"code": "NEWER_WORKER_NEEDED", "change": "c"}),
        (202, {"change": "c", "state": "running"}),
    ],
)
def test_a_request_that_has_no_outcome_yet_is_repeated(status: int, body: dict[str, str]) -> None:
    assert not has_ended(answer(status, **body))
