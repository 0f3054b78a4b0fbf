"""Reads the API's responses: a JSON document, or a problem."""

from typing import Any

import httpx2

from temporal.names import PROVIDER_UNAVAILABLE

Json = dict[str, Any]


class ShopError(Exception):
    """The API answered with a problem, or with something unexpected."""

    def __init__(self, text: str, status: int = 200, problem: Json | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.problem = problem or {"title": text}


def raise_for_problem(response: httpx2.Response) -> httpx2.Response:
    """Return a response that is no error. Raises ShopError."""
    if response.is_error:
        problem = _document(response)
        raise ShopError(
            f"{response.url.path}: {response.status_code} {problem.get('code')}", response.status_code, problem
        )
    return response


def document(response: httpx2.Response) -> Json:
    """Return the JSON of a response that is no error. Raises ShopError."""
    return _document(raise_for_problem(response))


def has_ended(response: httpx2.Response) -> bool:
    """Whether a change has ended as undone because of a provider: its key gets this 503 for good, a new one may not."""
    if response.status_code != httpx2.codes.SERVICE_UNAVAILABLE:
        return False
    problem = _document(response)
    return problem.get("code") == PROVIDER_UNAVAILABLE and "change" in problem


def _document(response: httpx2.Response) -> Json:
    """Return the JSON of any response. Raises ShopError with status 502 if another program must have sent it."""
    try:
        content = response.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ShopError(f"Another program than Changeover's API answers at {response.url}.", httpx2.codes.BAD_GATEWAY)
    return content
