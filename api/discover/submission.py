"""How something is asked of an order: prepared, handed to the engine, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fastapi import Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.context import ApiContext
from api.discover.messages import refused, warned
from api.discover.responses import SubmissionResult, read
from api.discover.time_zones import zone_of
from api.discover.translation import RequestTranslator, TranslatedRequest
from api.errors.problems import ProblemError
from api.http.request_headers import RequestOptions
from api.services.change_response import to_http
from api.services.submit_request import find_previous, submit
from domain.changes import ChangeKind, ChangeRequest
from domain.operations import SetPosition
from domain.refusals import LineNotFound, LineRemoved, OrderBusy, StaleOrder
from store.changes.changes import outcome_of

_PROBLEMS = (412, 423, 500, 503)
"""Every other refusal is told in validation messages, beside the order as it stands."""
_NO_ITEM = (LineNotFound.code, LineRemoved.code)
_ANYTHING = SetPosition(op="set_position", position=1)
MOST_ATTEMPTS = 8


@dataclass(frozen=True)
class OrderSubmission:
    """One request about one order."""

    request: Request
    made: ApiContext
    order: str
    asked: RequestOptions
    sent: BaseModel | None

    async def change(
        self, prepare: Callable[[RequestTranslator], TranslatedRequest], item: str | None = None
    ) -> SubmissionResult:
        """Change the order as prepared, or say why not. Raises ProblemError for what is no validation message.

        What was taken from the order as it was read must still be so in turn: otherwise it is prepared anew.
        A request that was asked before, under its key, is not prepared again: offers may be gone by now.
        """
        for attempt in range(MOST_ATTEMPTS):
            part = f"{self.asked.part} again {attempt}" if attempt else self.asked.part
            asked = replace(self.asked, part=part)
            before = await run_in_threadpool(find_previous, self.request, self.made, asked)
            prepared = TranslatedRequest() if before else await run_in_threadpool(self._prepared, prepare)
            if prepared.refusals:
                return SubmissionResult(prepared.refusals, refused=True)
            try:
                ended = await self._asked(before or self._wanted(prepared), asked, item)
            except ProblemError as problem:
                if problem.problem.code == StaleOrder.code and self.asked.if_match is None:
                    continue
                raise
            return replace(ended, messages=[*prepared.warnings, *ended.messages])
        raise ProblemError(OrderBusy.code)

    def _prepared(self, prepare: Callable[[RequestTranslator], TranslatedRequest]) -> TranslatedRequest:
        preparing = preparing_for(self.request, self.made, self.order)
        order, if_match = preparing.order, self.asked.if_match
        if if_match is not None and order.last_event not in if_match:
            raise ProblemError(StaleOrder.code)
        # An order that was paid is refused by the engine whatever is asked; there is nothing to prepare.
        return TranslatedRequest((_ANYTHING,)) if order.confirmed_version else prepare(preparing)

    def _wanted(self, prepared: TranslatedRequest) -> ChangeRequest:
        return ChangeRequest(
            kind=ChangeKind.CHANGE,
            operations=prepared.operations,
            # discover.swiss changes no order that was paid.
            until_confirmed=True,
            if_match=self.asked.if_match or prepared.read_at,
        )

    async def _asked(
        self, change_request: ChangeRequest, options: RequestOptions, item: str | None
    ) -> SubmissionResult:
        row, replayed = await submit(self.request, self.made, self.order, change_request, options, body_of(self.sent))
        outcome = outcome_of(row)
        try:
            status, headers = to_http(row, options, replayed=replayed)
        except ProblemError as problem:
            if outcome is None or problem.status_code in _PROBLEMS:
                raise
            if item and outcome.code in _NO_ITEM:
                # It went while this request waited for its turn.
                raise ProblemError("ORDER_ITEM_NOT_FOUND", change=row.id) from None
            return SubmissionResult(refused(outcome, item), outcome, refused=True, headers=dict(problem.headers or {}))
        warnings = [warned(each, outcome, item) for each in outcome.warnings] if outcome else []
        return SubmissionResult(warnings, outcome, status=status, headers=headers)


def preparing_for(request: Request, ctx: ApiContext, order: str) -> RequestTranslator:
    """Return what prepares items for an order, in the zone of the request or else of the order."""
    head, loaded, _ = read(ctx, order)
    return RequestTranslator(ctx, loaded, zone_of(request) or head.time_zone)


def body_of(sent: BaseModel | None) -> Any:
    """Return what makes two requests the same request."""
    return sent.model_dump(mode="json", by_alias=True, exclude_unset=True) if sent else None
