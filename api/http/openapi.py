"""The OpenAPI file: FastAPI's own, less what this API never answers."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.auth.route_scopes import SCOPE_OF

TAGS = [
    {"name": "offers", "description": "Find what can be sold, priced, until an instant."},
    {"name": "orders", "description": "Orders as they stand, their history, and what may be done with each line."},
    {"name": "changes", "description": "Quote, change, confirm, discard, pay: each under its `Idempotency-Key`."},
    {"name": "attention", "description": "Orders with a step that keeps failing, and what an operator does about it."},
    {"name": "entur", "description": "Entur's sales API, translated to the same changes."},
    {"name": "discover", "description": "discover.swiss's order API, translated to the same changes."},
    {"name": "problems", "description": "What each code of an error means."},
    {"name": "health", "description": "Whether this process lives, and whether it can serve."},
]
"""The order of the documentation pages; other tags come after."""


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, or an access token (JWT). Where the API listens on loopback only, none may be needed.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        for methods in made["paths"].values():
            for method in methods.values():
                _forget_other_errors(method["responses"])
                _say_who_may(method)
                _want_keys(method)
        made["components"]["securitySchemes"] = {"bearer": _BEARER}
        for unused in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def _forget_other_errors(answers: dict[str, Any]) -> None:
    """FastAPI adds its own shape of a 422 wherever a route takes anything at all."""
    if "HTTPValidationError" in str(answers.get("422", {})):
        del answers["422"]


def _say_who_may(route: dict[str, Any]) -> None:
    scope = SCOPE_OF.get(route["operationId"])
    if scope is not None:
        route["security"] = [{"bearer": [scope.value]}]


def _want_keys(route: dict[str, Any]) -> None:
    """Call the key required where it is: the route says so itself, as FastAPI would answer 422."""
    if "IDEMPOTENCY_KEY_MISSING" in str(route["responses"].get("400", {})):
        (key,) = [each for each in route["parameters"] if each["name"] == "Idempotency-Key"]
        key["required"] = True
