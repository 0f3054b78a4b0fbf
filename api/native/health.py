"""Liveness and readiness of the API process."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.context import ApiContext, api_context
from api.errors.problems import responses

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process responds."""

    status: str = "ok"


class Readiness(Health):
    """The process serves requests."""

    unavailable: list[str] = Field(
        default=[],
        description="External providers, `offers` or `seats`, that gave this process no usable answer the last time. "
        "Routes that need them answer 503 PROVIDER_UNAVAILABLE; all others work, so the process stays ready.",
        examples=[["offers"]],
    )


@router.get("/health", name="health", responses=responses(auth=()))
def health() -> Health:
    """Return 200 while the process responds."""
    return Health()


@router.get("/ready", name="ready", responses=responses("ENGINE_UNREACHABLE", auth=()))
async def ready(ctx: Annotated[ApiContext, Depends(api_context)]) -> Readiness:
    """Return 200 if the database and Temporal answer; otherwise 503. A provider that does not answer is named only."""
    ctx.unscoped_store.check()
    ctx.store.check()
    await ctx.workflow_client.check()
    return Readiness(unavailable=ctx.unavailable_providers)
