"""What the API answered: a document, or the problem it named."""

from typing import Any

import httpx2

Json = dict[str, Any]


class ShopError(Exception):
    """The API answered with a problem, or something a shop does not expect."""

    def __init__(self, said: str, status: int = 200, problem: Json | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.problem = problem or {"title": said}


def checked(answer: httpx2.Response) -> httpx2.Response:
    """Return an answer that is no error. Raises ShopError."""
    if answer.is_error:
        problem = _document(answer)
        raise ShopError(f"{answer.url.path}: {answer.status_code} {problem.get('code')}", answer.status_code, problem)
    return answer


def document(answer: httpx2.Response) -> Json:
    """Return the JSON of an answer that is no error. Raises ShopError."""
    return _document(checked(answer))


def _document(answer: httpx2.Response) -> Json:
    """Return the JSON of an answer, whatever it is; 502 when somebody else must have given it."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        stranger = httpx2.codes.BAD_GATEWAY
        raise ShopError(f"What answers at {answer.url} is not Changeover's API.", stranger)
    return found
