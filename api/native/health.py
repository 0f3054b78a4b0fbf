"""Whether the API lives, and whether it can serve."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.context import ApiContext, api_context
from api.errors.problems import responses

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """It lives."""

    status: str = "ok"


@router.get("/health", name="health", responses=responses(auth=()))
def health() -> Health:
    """Say that the process answers."""
    return Health()


@router.get("/ready", name="ready", responses=responses("ENGINE_UNREACHABLE", auth=()))
async def ready(made: Annotated[ApiContext, Depends(api_context)]) -> Health:
    """Say that store and Temporal answer; 503 while one does not."""
    made.unscoped_store.check()
    made.store.check()
    await made.workflow_client.check()
    return Health()
