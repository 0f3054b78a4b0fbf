"""Submits a request about an order: translates it, hands it to the workflow, and returns the result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.discover.messages import (
    ValidationMessage,
    ignored_message,
    item_at,
    refusal_message,
    refusal_messages,
    remark_of,
    warning_message,
)
from api.discover.responses import SubmissionResult
from api.discover.time_zones import zone_of
from api.discover.translation import RequestTranslator, TranslatedRequest
from api.discover.views import require_francs
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from api.services.change_response import to_http
from api.services.read_order import read_order
from api.services.record_refusal import record_refusal
from api.services.submit_request import find_previous, submit
from domain.changes import ChangeKind, ChangeRequest
from domain.operations import SetPosition
from domain.refusals import LineNotFound, LineRemoved, OrderBusy, StaleOrder
from store.changes.changes import outcome_of, request_of
from store.tables import ChangeRow

_PROBLEMS = (412, 423, 500, 503)
"""Statuses returned as problems; every other refusal is returned as validation messages with the order's state."""
_NO_ITEM = (LineNotFound.code, LineRemoved.code)
_PLACEHOLDER = SetPosition(op="set_position", position=1)
MAX_ATTEMPTS = 8


@dataclass(frozen=True)
class OrderSubmission:
    """One request about one order, submitted as a change."""

    request: Request
    ctx: ApiContext
    order: str
    options: RequestOptions
    body: BaseModel | None

    async def change(
        self, translate: Callable[[RequestTranslator], TranslatedRequest], item: str | None = None
    ) -> SubmissionResult:
        """Translate and submit the change. Raises ProblemError for refusals that are no validation messages.

        A translation that read the order is valid only for that state: if the order has changed when the change
        runs, the request is translated again. A request repeated under its key is not translated again: its
        offers may have expired.
        """
        for attempt in range(MAX_ATTEMPTS):
            part = f"{self.options.part} again {attempt}" if attempt else self.options.part
            options = replace(self.options, part=part)
            previous = await run_in_threadpool(find_previous, self.request, self.ctx, options)
            translated = TranslatedRequest() if previous else await run_in_threadpool(self._translate, translate)
            if translated.refusals:
                return await run_in_threadpool(self._refuse, translated.refusals, options, item)
            try:
                return await self._submit(previous or self._build_change_request(translated), options, item)
            except ProblemError as problem:
                if problem.problem.code == StaleOrder.code and self.options.if_match is None:
                    continue
                raise
        raise ProblemError(OrderBusy.code)

    def _translate(self, translate: Callable[[RequestTranslator], TranslatedRequest]) -> TranslatedRequest:
        translator = translator_for(self.request, self.ctx, self.order)
        order, if_match = translator.order, self.options.if_match
        if if_match is not None and order.last_event not in if_match:
            raise ProblemError(StaleOrder.code)
        # The workflow refuses every change of a paid order, so any operation serves and nothing is translated.
        return TranslatedRequest((_PLACEHOLDER,)) if order.confirmed_version else translate(translator)

    def _build_change_request(self, translated: TranslatedRequest) -> ChangeRequest:
        return ChangeRequest(
            kind=ChangeKind.CHANGE,
            operations=translated.operations,
            # discover.swiss does not change a paid order.
            until_confirmed=True,
            keeps_surplus=True,
            if_match=self.options.if_match or translated.read_at,
            answers_with_order=True,
            ignored=translated.ignored,
        )

    async def _submit(
        self, change_request: ChangeRequest, options: RequestOptions, item: str | None
    ) -> SubmissionResult:
        row, replayed = await submit(self.request, self.ctx, self.order, change_request, options, body_of(self.body))
        return _result(row, options, item, replayed=replayed)

    def _refuse(
        self, refusals: Sequence[ValidationMessage], options: RequestOptions, item: str | None
    ) -> SubmissionResult:
        """Return the refusal of a request that is not submitted. It is kept under the request's key, if it has one."""
        if options.key is None:
            return SubmissionResult(list(refusals), refused=True)
        remarks = tuple(remark_of(each) for each in refusals)
        refused = ChangeRequest(kind=ChangeKind.CHANGE, answers_with_order=True, refused=remarks)
        sent = (self.request, self.ctx, self.order, refused, options, body_of(self.body))
        row, replayed = record_refusal(*sent)
        return _result(row, options, item, replayed=replayed)


def _result(row: ChangeRow, options: RequestOptions, item: str | None, *, replayed: bool) -> SubmissionResult:
    """Return the result of a recorded request. Raises the problems that are no validation messages."""
    outcome, request, number = outcome_of(row), request_of(row), row.order_number or ""
    ignored = [ignored_message(each.code, item_at(number, each.position)) for each in request.ignored]
    try:
        status, headers = to_http(row, options, replayed=replayed)
    except ProblemError as problem:
        if outcome is None or problem.status_code in _PROBLEMS:
            raise
        if item and outcome.code in _NO_ITEM:
            # Another request removed the item while this one waited in the queue.
            raise ProblemError("ORDER_ITEM_NOT_FOUND", change=row.id) from None
        refused = [
            refusal_message(each.code, item_at(number, each.position), each.traveller) for each in request.refused
        ]
        messages = refused or [*ignored, *refusal_messages(outcome, item)]
        return SubmissionResult(messages, outcome, row, refused=True, headers=dict(problem.headers or {}))
    warnings = [warning_message(each, outcome, item) for each in outcome.warnings] if outcome else []
    return SubmissionResult([*ignored, *warnings], outcome, row, status=status, headers=headers)


def translator_for(request: Request, ctx: ApiContext, order: str) -> RequestTranslator:
    """Return the translator for an order, in the time zone of the request or else of the order."""
    order_row, loaded = read_order(ctx, order)
    return RequestTranslator(ctx, require_francs(loaded), zone_of(request) or order_row.time_zone)


def body_of(body: BaseModel | None) -> Any:
    """Return the members that were sent: two requests under one key must have equal ones."""
    return body.model_dump(mode="json", by_alias=True, exclude_unset=True) if body else None
