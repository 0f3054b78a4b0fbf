"""Liveness and readiness of the API process."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from api.context import ApiContext, api_context
from api.errors.problems import responses

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process responds."""

    status: str = "ok"


@router.get("/health", name="health", responses=responses(auth=()))
def health() -> Health:
    """Return 200 while the process responds."""
    return Health()


@router.get("/ready", name="ready", responses=responses("ENGINE_UNREACHABLE", auth=()))
async def ready(ctx: Annotated[ApiContext, Depends(api_context)]) -> Health:
    """Return 200 if the database and Temporal answer; otherwise 503."""
    ctx.unscoped_store.check()
    ctx.store.check()
    await ctx.workflow_client.check()
    return Health()
