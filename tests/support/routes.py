"""Every route of the OpenAPI file, with an example for each of its parameters."""

import re
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from api.auth.route_scopes import SIGNED_ROUTES
from tests.support.world import World

_EXAMPLE = {"order": "26-999999", "change": str(uuid.uuid4()), "webhook": str(uuid.uuid4()), "item": "1"}


PUBLIC_ROUTES = frozenset({"health", "ready", "list_problems", "explain_problem", *SIGNED_ROUTES})
"""Routes that need no credential of a client: their answers hold no tenant's data. One of them needs a signature."""


class DocumentedRoute(NamedTuple):
    """A route as the OpenAPI file describes it."""

    name: str
    method: str
    path: str
    """The template, with its parameters in braces."""
    security: list[dict[str, list[str]]]

    def address(self, **parameters: str) -> str:
        """Return a path to request, with example parameters; `orderId` is Entur's query parameter."""
        known = _EXAMPLE | parameters
        path = re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), self.path)
        return f"{path}?orderId={known['order']}" if self.name == "get_change_options" else path


async def documented_routes(world: World) -> list[DocumentedRoute]:
    """Return every route."""
    document = (await world.http.get("/openapi.json")).json()
    return list(_routes(document))


def _routes(document: dict[str, Any]) -> Iterator[DocumentedRoute]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield DocumentedRoute(operation["operationId"], method.upper(), path, operation.get("security", []))
