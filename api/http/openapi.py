"""Builds the OpenAPI document: FastAPI's own, without responses that this API never sends."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.auth.route_scopes import SCOPE_OF

TAGS = [
    {"name": "offers", "description": "Search priced offers; each is valid until `expires_at`."},
    {"name": "orders", "description": "Create and read orders, their history, and the possible changes of each line."},
    {
        "name": "changes",
        "description": "Quote, change, confirm, discard, pay. A POST that changes an order needs an `Idempotency-Key`.",
    },
    {"name": "attention", "description": "Orders with a step that keeps failing, and the actions of an operator."},
    {"name": "provider events", "description": "What a payment provider notifies us of, with its signature."},
    {"name": "entur", "description": "Entur's sales API, translated to the same changes as the native API."},
    {
        "name": "discover",
        "description": "discover.swiss's order API, translated to the same changes as the native API.",
    },
    {"name": "problems", "description": "The meaning of each error code."},
    {"name": "health", "description": "Liveness and readiness of this process."},
]
"""Tags in the order of the documentation pages; other tags follow."""


_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, or an access token (JWT). On loopback the API may run without authentication.",
}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application; it is built once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=app.openapi_tags
        )
        for methods in document["paths"].values():
            for method in methods.values():
                _remove_default_errors(method["responses"])
                _add_scope(method)
                _require_keys(method)
        document["components"]["securitySchemes"] = {"bearer": _BEARER}
        for unused in ("HTTPValidationError", "ValidationError"):
            document["components"]["schemas"].pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


def _remove_default_errors(responses: dict[str, Any]) -> None:
    """Remove FastAPI's own form of a 422, which it adds to every route with parameters or a body."""
    if "HTTPValidationError" in str(responses.get("422", {})):
        del responses["422"]


def _add_scope(route: dict[str, Any]) -> None:
    scope = SCOPE_OF.get(route["operationId"])
    if scope is not None:
        route["security"] = [{"bearer": [scope.value]}]


def _require_keys(route: dict[str, Any]) -> None:
    """Mark the Idempotency-Key as required. It is optional for FastAPI, which would otherwise respond 422, not 400."""
    if "IDEMPOTENCY_KEY_MISSING" in str(route["responses"].get("400", {})):
        (key,) = [each for each in route["parameters"] if each["name"] == "Idempotency-Key"]
        key["required"] = True
