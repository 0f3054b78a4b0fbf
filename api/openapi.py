"""The OpenAPI file: FastAPI's own, less what this API never answers."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an application, made once."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for methods in made["paths"].values():
            for method in methods.values():
                _forget_other_errors(method["responses"])
        for unused in ("HTTPValidationError", "ValidationError"):
            made["components"]["schemas"].pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def _forget_other_errors(answers: dict[str, Any]) -> None:
    """FastAPI adds its own shape of a 422 wherever a route takes anything at all."""
    if "HTTPValidationError" in str(answers.get("422", {})):
        del answers["422"]
