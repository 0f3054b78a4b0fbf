"""Labels of a request for metrics, logs and spans: the route's template and the method, never the path."""

from starlette.types import Scope

NO_ROUTE = "none"

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def route_template(scope: Scope) -> str:
    """Return the template of the route that matched a request; `none` before routing or without a match."""
    return str(getattr(scope.get("route"), "path", NO_ROUTE))


def method_of(scope: Scope) -> str:
    """Return a request's method; `none` for every method that no route supports."""
    return str(scope["method"]) if scope["method"] in _METHODS else NO_ROUTE
