"""Changes to workflow code as a next release might have them: each changes the commands to Temporal or their order."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import Any

import pytest
from temporalio import workflow

from activities import flows
from activities.drafts import CONFIRM_ORDER, ConfirmOrderCommand
from activities.recovery import FIND_UNFINISHED_WORK, FindUnfinishedWorkCommand
from activities.seats import CONFIRM_SEATS, ConfirmSeatsCommand
from activities.support import flow
from activities.support.step_kinds import Nothing, Reversible
from activities.travellers import VALIDATE_TRAVELLERS
from temporal.messages import RequestResult
from workflows.draft import Draft
from workflows.saga.saga import Saga

PATCH = "unfinished-work-first"
Release = Callable[[pytest.MonkeyPatch], None]


def unchanged(_release: pytest.MonkeyPatch) -> None:
    """Change nothing."""


def added_step(release: pytest.MonkeyPatch, patch: str | None = None) -> None:
    """Look for unfinished work before each change; with a patch only in runs that have not passed here without it."""
    original = Draft.change

    async def change(self: Draft, change: str) -> RequestResult:
        if patch is None or workflow.patched(patch):
            command = FindUnfinishedWorkCommand(change=change, order=self._order)
            await self._runner.run_final(FIND_UNFINISHED_WORK, command)
        return await original(self, change)

    release.setattr(Draft, "change", change)


def added_step_under_a_patch(release: pytest.MonkeyPatch) -> None:
    """Look for unfinished work before each change, in runs that have not passed this point without the patch."""
    added_step(release, PATCH)


def removed_step(release: pytest.MonkeyPatch) -> None:
    """Do not validate the travellers."""
    original = flow.ask

    def ask(step: Any, command: Any) -> Generator[Any, Any, Any]:
        if step is VALIDATE_TRAVELLERS:
            return Nothing()
        return (yield from original(step, command))

    release.setattr(flows, "ask", ask)


def order_confirmed_before_seats(release: pytest.MonkeyPatch) -> None:
    """Confirm the order before its seats."""
    original = flow.ask

    def ask(step: Any, command: Any) -> Generator[Any, Any, Any]:
        if step is CONFIRM_SEATS:
            about = {"change": command.change, "order": command.order}
            yield from original(CONFIRM_ORDER, ConfirmOrderCommand(**about))
        elif step is CONFIRM_ORDER:
            about = {"change": command.change, "order": command.order}
            yield from original(CONFIRM_SEATS, ConfirmSeatsCommand(**about))
        else:
            return (yield from original(step, command))
        return Nothing()

    release.setattr(flows, "ask", ask)


def undo_in_recorded_order(release: pytest.MonkeyPatch) -> None:
    """Undo steps in the order in which they were recorded instead of in reverse."""
    original = Saga.unwind

    async def unwind(self: Saga, keep: Sequence[Reversible[Any, Any]] = ()) -> None:
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
