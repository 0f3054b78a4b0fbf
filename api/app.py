"""Builds the FastAPI application from routes, middlewares and exception handlers."""

from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from api.auth.authenticator import Authenticator
from api.context import ApiContext
from api.desk import routes as desk
from api.desk.rendering import PREFIX as DESK
from api.desk.rendering import error_page
from api.discover import routes as discover
from api.discover.errors import as_problem
from api.entur import routes as entur
from api.entur.errors import api_error
from api.errors import exception_handlers
from api.http.openapi import TAGS, describe
from api.middleware.body_limit import BodyLimitMiddleware, RequestLimitMiddleware
from api.middleware.correlation_id import CorrelationMiddleware
from api.middleware.request_metrics import RequestMetricsMiddleware
from api.middleware.security_headers import SecurityHeadersMiddleware
from api.native import (
    attention,
    change_stream,
    changes,
    disputes,
    health,
    offers,
    orders,
    payouts,
    problem_pages,
    provider_events,
    stuck_changes,
    webhooks,
)
from api.rate_limits.limiter import RateLimiter
from api.services.change_stream import ChangeStreams

_DESCRIPTION = """
Changes sold orders safely. A change has one of three results: the new order, the unchanged old order,
or a case that an operator can see and resolve.

Every POST that changes an order needs an `Idempotency-Key`: a retry with the same key and body returns
the first response and has no further effect. Keys never expire. Amounts are decimal text in the order's
currency. Errors are RFC 9457 problems; decide by their `code`.
"""

DOCS, REDOC = "/docs", "/redoc"


def create_app(ctx: ApiContext) -> FastAPI:
    """Return the application that serves the API with this context."""
    app = FastAPIOffline(
        docs_url=DOCS,
        redoc_url=REDOC,
        static_url="/docs-assets",
        title="Changeover",
        version="0.1.0",
        description=_DESCRIPTION,
        openapi_tags=TAGS,
        swagger_ui_parameters={"validatorUrl": None, "docExpansion": "list", "tryItOutEnabled": True},
        strict_content_type=False,  # AuthenticatedRoute decides
        generate_unique_id_function=lambda route: route.name,
        # FastAPI's own spans and logs contain paths, queries and exception texts.
        # api/middleware/request_tracing.py records spans without them.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.state.context = ctx
    app.state.limiter = RateLimiter({**ctx.auth.per_minute, **ctx.entur.per_minute}, ctx.counters)
    app.state.authenticator = Authenticator(ctx.unscoped_store, ctx.tenant, ctx.auth, app.state.limiter)
    app.state.change_streams = ChangeStreams(ctx.unscoped_store, ctx.watching)
    app.state.error_shapes = {entur.PREFIX: api_error, ctx.discover.base_path: as_problem}
    if ctx.desk is not None:
        app.state.error_shapes[DESK] = error_page
        app.include_router(desk.router)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(RequestLimitMiddleware)
    app.add_middleware(CorrelationMiddleware)
    app.add_middleware(SecurityHeadersMiddleware, pages=(DOCS, REDOC))
    app.add_middleware(RequestMetricsMiddleware)
    exception_handlers.install(app)
    for routes in (
        offers,
        orders,
        changes,
        change_stream,
        attention,
        payouts,
        disputes,
        stuck_changes,
        webhooks,
        provider_events,
        health,
        problem_pages,
    ):
        app.include_router(routes.router)
    app.include_router(entur.routes(ctx.entur))
    app.include_router(discover.router, prefix=ctx.discover.base_path)
    # FastAPI documents this replacement as its way to extend the OpenAPI document.
    app.openapi = partial(describe, app)  # type: ignore[method-assign] # it is meant to be replaced
    return app
