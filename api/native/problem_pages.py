"""Where the type of a problem leads: what each code means."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.errors.problems import TITLES, ProblemError, responses

router = APIRouter(tags=["problems"])


class Meaning(BaseModel):
    """What a code means."""

    code: str
    status: int
    title: str


@router.get("/problems", name="list_problems", responses=responses(auth=()))
def list_problems() -> list[Meaning]:
    """Return every code this API answers with."""
    return [Meaning(code=code, status=status, title=title) for code, (status, title) in sorted(TITLES.items())]


@router.get("/problems/{code}", name="explain_problem", responses=responses("NOT_FOUND", auth=()))
def explain_problem(code: str) -> Meaning:
    """Return what one code means."""
    if code not in TITLES:
        raise ProblemError("NOT_FOUND")
    status, title = TITLES[code]
    return Meaning(code=code, status=status, title=title)
