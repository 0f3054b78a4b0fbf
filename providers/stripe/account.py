"""One account at Stripe: exact readings of it, and acts under idempotency keys."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import stripe
from pydantic import BaseModel, ValidationError
from stripe.params import PaymentIntentCaptureParams, PaymentIntentCreateParams, RefundCreateParams

from providers.errors import ProviderUnavailableError
from providers.stripe.failures import KeyInUseError, KeyUsedError, StoredError, fault_of
from providers.stripe.objects import Charge, Intent, Listed, Page, PaymentMethod, Refund
from providers.stripe.transport import Transport

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Params = Mapping[str, Any]
_EXPANDED: dict[str, Any] = {"expand": ["latest_charge"]}
_LARGEST_PAGE = 100
MOST_PAGES = 50
"""Of a list that is read to its end."""
MOST_STORED_ERRORS = 9
"""How many errors that are stored under keys of one act are passed over."""
_KEY_IN_USE_WAIT = timedelta(milliseconds=200)


class Account:
    """The objects of one account. Every method raises ProviderUnavailableError for what is no usable answer."""

    def __init__(self, api_key: str, url: str, transport: Transport) -> None:
        self._transport = transport
        client = stripe.StripeClient(api_key, http_client=transport, max_network_retries=0, base_addresses={"api": url})
        self._v1 = client.v1

    def intent(self, reference: str) -> Intent:
        """Return a PaymentIntent as it is now, with its latest charge."""
        return self._read(Intent, lambda: self._v1.payment_intents.retrieve(reference, _any(_EXPANDED)))

    def charge(self, reference: str) -> Charge:
        """Return a charge as it is now."""
        return self._read(Charge, lambda: self._v1.charges.retrieve(reference))

    def payment_method(self, reference: str) -> PaymentMethod:
        """Return a payment method."""
        return self._read(PaymentMethod, lambda: self._v1.payment_methods.retrieve(reference))

    def refunds_of(self, charge: str) -> list[Refund]:
        """Return all refunds of a charge."""
        listed = self._pages({"charge": charge}, lambda params: self._v1.refunds.list(_any(params)))
        return [_parse(Refund, each) for each in listed]

    def intents(self, **filters: Any) -> Iterator[Listed]:
        """Yield all PaymentIntents of a customer, or all since a time, newest first."""
        listed = self._pages(filters, lambda params: self._v1.payment_intents.list(_any(params)))
        return (_parse(Listed, each) for each in listed)

    def intents_page(self, after: str | None, name: str) -> tuple[list[Intent], str | None]:
        """Return, of a page of all PaymentIntents, those that have a metadata of this name, with their latest charges.

        Newest first, from the one after an id on; and the id after which the next page begins, None on the last one.
        """
        more = {} if after is None else {"starting_after": after}
        params = {"limit": _LARGEST_PAGE, "expand": ["data.latest_charge"], **more}
        page = self._read(Page, lambda: self._v1.payment_intents.list(_any(params)))
        ours = [each for each in page.data if name in _parse(Listed, each).metadata]
        return [_parse(Intent, each) for each in ours], _last_id(page) if page.has_more else None

    def search(self, query: str) -> list[Listed]:
        """Return the first PaymentIntents that a search finds. It lags behind, so that none says nothing."""
        found = self._read(Page, lambda: self._v1.payment_intents.search(_any({"query": query})))
        return [_parse(Listed, each) for each in found.data]

    def create_intent(
        self, key: str, params: PaymentIntentCreateParams, done: Callable[[], Intent | None], *, pass_used: bool = False
    ) -> Intent:
        """Create a PaymentIntent, once under a key; `done` reads exactly whether it was.

        `pass_used` passes over keys that were used with other parameters, too.
        """
        body = {**params, **_EXPANDED}
        send = self._v1.payment_intents.create
        act = lambda options: self._read(Intent, lambda: send(_any(body), options))  # noqa: E731 - as in those below
        return self._once(key, act, done, (StoredError, KeyUsedError) if pass_used else (StoredError,))

    def update_intent(
        self, key: str, reference: str, metadata: Mapping[str, str], done: Callable[[], Intent | None]
    ) -> Intent:
        """Add metadata to a PaymentIntent, once under a key."""
        body = {"metadata": dict(metadata), **_EXPANDED}
        send = self._v1.payment_intents.update
        return self._once(key, lambda options: self._read(Intent, lambda: send(reference, _any(body), options)), done)

    def capture_intent(
        self, key: str, reference: str, params: PaymentIntentCaptureParams, done: Callable[[], Intent | None]
    ) -> Intent:
        """Capture a PaymentIntent, once under a key."""
        body = {**params, **_EXPANDED}
        send = self._v1.payment_intents.capture
        return self._once(key, lambda options: self._read(Intent, lambda: send(reference, _any(body), options)), done)

    def cancel_intent(self, key: str, reference: str, done: Callable[[], Intent | None]) -> Intent:
        """Cancel a PaymentIntent, once under a key."""
        body = {"cancellation_reason": "abandoned", **_EXPANDED}
        send = self._v1.payment_intents.cancel
        return self._once(key, lambda options: self._read(Intent, lambda: send(reference, _any(body), options)), done)

    def create_refund(self, key: str, params: RefundCreateParams, done: Callable[[], Refund | None]) -> Refund:
        """Refund a charge, once under a key."""
        send = self._v1.refunds.create
        return self._once(key, lambda options: self._read(Refund, lambda: send(params, options)), done)

    def _once(
        self,
        key: str,
        send: Callable[[Any], T],
        done: Callable[[], T | None],
        passed: tuple[type[Exception], ...] = (StoredError,),
    ) -> T:
        """Send a request under a key. Behind an error that is stored under it, under the same key with a number.

        Only when an exact reading has said that nothing was done: a request that Stripe has answered so has ended.
        """
        for number in range(1, MOST_STORED_ERRORS + 1):
            try:
                return self._send_alone({"idempotency_key": f"{key}#{number}"}, send)
            except passed:
                found = done()
            if found is not None:
                return found
        raise ProviderUnavailableError("too many stored errors")

    def _send_alone(self, options: Any, send: Callable[[Any], T]) -> T:
        """Send a request, and wait while another one under its key is being served."""
        while True:
            try:
                return send(options)
            except KeyInUseError:
                if self._remaining() <= _KEY_IN_USE_WAIT:
                    raise
                time.sleep(_KEY_IN_USE_WAIT.total_seconds())

    def _remaining(self) -> timedelta:
        try:
            return self._transport.remaining()
        except stripe.StripeError as error:
            raise fault_of(error) from None

    def _pages(self, filters: Params, read: Callable[[Params], object]) -> Iterator[dict[str, Any]]:
        """Yield a list to its end, or raise: what lies behind the last page that was read is not known."""
        params = {**filters, "limit": _LARGEST_PAGE}
        for _ in range(MOST_PAGES):
            page = self._read(Page, lambda params=params: read(params))  # type: ignore[misc] # mypy 1.18: lambda defaults
            yield from page.data
            if not page.has_more:
                return
            params = {**params, "starting_after": _last_id(page)}
        raise ProviderUnavailableError("the list is too long")

    def _read(self, kind: type[M], call: Callable[[], object]) -> M:
        try:
            answer = call()
        except stripe.StripeError as error:
            raise fault_of(error) from None
        if not isinstance(answer, stripe.StripeObject):
            raise ProviderUnavailableError("the answer is no object")
        return _parse(kind, answer.to_dict())


def _parse(kind: type[M], values: dict[str, Any]) -> M:
    try:
        return kind.model_validate(values)
    except ValidationError:
        # The answer may contain anything, so the error does not repeat it.
        raise ProviderUnavailableError("the answer cannot be read") from None


def _last_id(page: Page) -> str:
    if not page.data or not isinstance(last := page.data[-1].get("id"), str):
        raise ProviderUnavailableError("the list cannot be read on")
    return last


def _any(params: Params) -> Any:
    """Return parameters as the SDK's own types of dictionaries take them."""
    return dict(params)
