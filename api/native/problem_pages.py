"""Routes that explain error codes; the `type` of a problem links here."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.errors.problems import TITLES, ProblemError, responses

router = APIRouter(tags=["problems"])


class Meaning(BaseModel):
    """The meaning of an error code."""

    code: str
    status: int
    title: str


@router.get("/problems", name="list_problems", responses=responses(auth=()))
def list_problems() -> list[Meaning]:
    """Return every error code of this API."""
    return [Meaning(code=code, status=status, title=title) for code, (status, title) in sorted(TITLES.items())]


@router.get("/problems/{code}", name="explain_problem", responses=responses("NOT_FOUND", auth=()))
def explain_problem(code: str) -> Meaning:
    """Return the meaning of one error code."""
    if code not in TITLES:
        raise ProblemError("NOT_FOUND")
    status, title = TITLES[code]
    return Meaning(code=code, status=status, title=title)
