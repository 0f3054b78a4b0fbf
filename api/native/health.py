"""Whether the API lives, and whether it can serve."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlmodel import select

from api.parts import ApiParts, parts
from api.problems import responses
from store.tables import CounterRow

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """It lives."""

    status: str = "ok"


@router.get("/health")
def health() -> Health:
    """Say that the process answers."""
    return Health()


@router.get("/ready", responses=responses("ENGINE_UNREACHABLE"))
async def ready(made: Annotated[ApiParts, Depends(parts)]) -> Health:
    """Say that store and Temporal answer; 503 while one does not."""
    with made.store.read() as tx:
        tx.exec(select(CounterRow).limit(1)).first()
    await made.engine.check()
    return Health()
