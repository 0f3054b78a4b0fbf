"""Changes to workflow code as a next release might have them: each changes the commands to Temporal or their order."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from temporalio import workflow

from activities.drafts import CONFIRM_ORDER, ConfirmOrderCommand
from activities.order_lines import SwapOfferBundleResult
from activities.plans import PlanChangeResult
from activities.seats import CONFIRM_SEATS, ConfirmSeatsCommand
from activities.support.step_kinds import Reversible
from activities.travellers import VALIDATE_TRAVELLERS, ValidateTravellersCommand
from domain.changes import ChangeState
from temporal.messages import RequestResult
from workflows.draft import Draft
from workflows.saga.saga import Saga

PATCH = "travellers-twice"
Release = Callable[[pytest.MonkeyPatch], None]


def unchanged(_release: pytest.MonkeyPatch) -> None:
    """Change nothing."""


def added_step(release: pytest.MonkeyPatch, patch: str | None = None) -> None:
    """Validate the travellers twice; with a patch only in runs that have not passed this point without it."""
    original = Draft._put_into_draft  # noqa: SLF001 - the code that changes

    async def put_into_draft(self: Draft, block: Saga, change: str, plan: PlanChangeResult) -> SwapOfferBundleResult:
        if patch is None or workflow.patched(patch):
            await block.run(VALIDATE_TRAVELLERS, ValidateTravellersCommand(change=change, order=self._order))
        return await original(self, block, change, plan)

    release.setattr(Draft, "_put_into_draft", put_into_draft)


def added_step_under_a_patch(release: pytest.MonkeyPatch) -> None:
    """Validate the travellers twice in runs that have not passed this point without the patch."""
    added_step(release, PATCH)


def removed_step(release: pytest.MonkeyPatch) -> None:
    """Do not validate the travellers."""
    original = Saga.run

    async def run(self: Saga, step: Any, command: Any) -> Any:
        return None if step is VALIDATE_TRAVELLERS else await original(self, step, command)

    release.setattr(Saga, "run", run)


def order_confirmed_before_seats(release: pytest.MonkeyPatch) -> None:
    """Confirm the order before its seats."""

    async def complete(self: Draft, block: Saga, change: str) -> RequestResult:
        await block.finish(CONFIRM_ORDER, ConfirmOrderCommand(change=change, order=self._order))
        await block.finish(CONFIRM_SEATS, ConfirmSeatsCommand(change=change, order=self._order))
        self._reset()
        return RequestResult(change=change, state=ChangeState.DONE)

    release.setattr(Draft, "_complete", complete)


def undo_in_recorded_order(release: pytest.MonkeyPatch) -> None:
    """Undo steps in the order in which they were recorded instead of in reverse."""
    original = Saga.unwind

    async def unwind(self: Saga, keep: Iterable[Reversible[Any, Any]] = ()) -> None:
        self._undos.reverse()
        await original(self, keep)

    release.setattr(Saga, "unwind", unwind)


def timer_before_each_request(release: pytest.MonkeyPatch) -> None:
    """Start a timer before each request."""
    original = Draft.serve

    async def serve(self: Draft, change: str, act: Callable[[], Awaitable[RequestResult]]) -> RequestResult:
        await asyncio.sleep(1)
        return await original(self, change, act)

    release.setattr(Draft, "serve", serve)
