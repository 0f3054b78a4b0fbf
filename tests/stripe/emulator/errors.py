"""Errors as Stripe answers them: https://docs.stripe.com/api/errors."""

from typing import Any


class ApiError(Exception):
    """An error response; one of an endpoint that did not begin to run is not `saved` under the request's key."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        saved: bool = True,
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        self.headers = headers or {}
        self.error = {"message": message, "type": kind, **members}
        if code is not None:
            self.error |= {"code": code, "doc_url": f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"}
        if param is not None:
            self.error["param"] = param


def invalid(message: str, param: str, code: str | None = None) -> ApiError:
    """Return the error of a parameter that fails validation: no endpoint begins to run, so it is not saved."""
    return ApiError(400, message, code=code, param=param, saved=False)


def missing(kind: str, reference: str, param: str, status: int) -> ApiError:
    """Return the error of an object that does not exist: 404 in a path, 400 in a parameter."""
    return ApiError(status, f"No such {kind}: '{reference}'", code="resource_missing", param=param)


def unexpected_state(message: str, intent: dict[str, Any]) -> ApiError:
    """Return the error of a request that the PaymentIntent's status does not allow."""
    return ApiError(400, message, code="payment_intent_unexpected_state", payment_intent=intent)


def card_error(message: str, code: str, decline_code: str | None, intent: dict[str, Any], **members: Any) -> ApiError:
    """Return the error of a payment that a card's issuer declines."""
    if decline_code is not None:
        members["decline_code"] = decline_code
    return ApiError(402, message, kind="card_error", code=code, payment_intent=intent, **members)


def server_error() -> ApiError:
    """Return the error of a request that broke at Stripe."""
    # The SDK's source expects this header on most 500s: a retry would only be answered with the saved response.
    headers = {"Stripe-Should-Retry": "false"}
    return ApiError(500, "An unknown error occurred", kind="api_error", headers=headers)


def lock_timeout() -> ApiError:
    """Return the error of an object that another request holds for too long."""
    message = (
        "This object cannot be accessed right now because another API request or Stripe process is currently accessing"
        " it. If you see this error intermittently, retry the request."
    )
    return ApiError(429, message, code="lock_timeout", headers={"Stripe-Should-Retry": "true"})


def rate_limited() -> ApiError:
    """Return the error of too many requests."""
    headers = {"Stripe-Rate-Limited-Reason": "global-rate"}
    return ApiError(429, "Request rate limit exceeded.", code="rate_limit", headers=headers)
