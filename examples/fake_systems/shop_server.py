"""Serves the fake shop's catalogue over HTTP; on request it answers as a shop in trouble does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel

_POLL_SECONDS = 0.02
LARGE = 20_000_000
"""Bytes of a body that is larger than any catalogue."""


class ShopTrouble(StrEnum):
    """How the shop answers while it is in trouble."""

    SLOW = "slow"
    """It accepts the request and answers once the trouble is over."""
    ERROR = "error"
    """500."""
    PAGE = "page"
    """200 with a page that apologises."""
    OTHER_JSON = "other_json"
    """200 with JSON that is no catalogue."""
    EMPTY = "empty"
    """204."""
    WRONG_VALUES = "wrong_values"
    """200 with a catalogue that has negative prices."""
    LARGE = "large"
    """200 with 20 MB."""
    REDIRECT = "redirect"
    """A redirect to itself."""


@dataclass
class Shop:
    """A shop that publishes a catalogue."""

    catalogue: dict[str, Any] = field(default_factory=dict)
    trouble: ShopTrouble | None = None


class TroubleIn(BaseModel):
    """The trouble to be in from now on; none: it is over."""

    trouble: ShopTrouble | None = None


def shop_routes(shop: Shop) -> APIRouter:
    """Return the shop's API, and a route with which a test puts it in trouble."""
    router = APIRouter()

    @router.get("/tenants/{tenant}/catalogue")
    async def catalogue(tenant: str) -> Response:  # noqa: ARG001 - one catalogue for all
        while shop.trouble is ShopTrouble.SLOW:  # noqa: ASYNC110 - the trouble may be over in any thread
            await asyncio.sleep(_POLL_SECONDS)
        return _answer(shop)

    @router.put("/shop/trouble", status_code=204)
    async def set_trouble(body: TroubleIn) -> None:
        shop.trouble = body.trouble

    return router


def _answer(shop: Shop) -> Response:
    answers: dict[ShopTrouble | None, Callable[[], Response]] = {
        ShopTrouble.ERROR: lambda: JSONResponse({"error": "broken"}, 500),
        ShopTrouble.PAGE: lambda: HTMLResponse("<html>Sorry! We will be back soon.</html>"),
        ShopTrouble.OTHER_JSON: lambda: JSONResponse({"products": None}),
        ShopTrouble.EMPTY: lambda: Response(status_code=204),
        ShopTrouble.WRONG_VALUES: lambda: JSONResponse(_with_negative_prices(shop.catalogue)),
        ShopTrouble.LARGE: lambda: Response(b" " * LARGE, media_type="application/json"),
        ShopTrouble.REDIRECT: lambda: RedirectResponse("catalogue"),
    }
    return answers.get(shop.trouble, lambda: JSONResponse(shop.catalogue))()


def _with_negative_prices(catalogue: dict[str, Any]) -> dict[str, Any]:
    products = [each | {"prices": [_negative(row) for row in each["prices"]]} for each in catalogue["products"]]
    return catalogue | {"products": products}


def _negative(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"price": row["price"] | {"minor": -1 - row["price"]["minor"]}}
