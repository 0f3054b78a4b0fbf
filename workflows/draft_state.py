"""What a run knows of its order's draft, by the results of its steps. No step is run here (workflows/draft.py)."""

from pydantic import BaseModel
from temporalio import workflow

from activities.drafts import CONFIRM_ORDER
from activities.order_lines import SwapOfferBundleResult
from activities.plans import PlanChangeResult
from activities.provider_events import RecordProviderEventResult
from activities.quotes import QuoteChangeResult
from activities.recovery import OpenDraft, UnfinishedWork
from activities.support.flow import FlowRun, GroupResult
from domain.money import Money
from domain.orders import OrderStatus
from temporal.messages import StartDraft, UndoEntry
from workflows.saga.saga import Saga, recorded_undos, undos_of
from workflows.saga.step_runner import StepRunner


class DraftState:
    """The draft's undos, deadline, status and amounts, as far as this run knows them; the store has the truth."""

    def __init__(self, start: StartDraft, runner: StepRunner) -> None:
        self._runner = runner
        self._saga = Saga(runner, undos_of(start.undos))
        self._opened_by = start.draft_opened_by
        self._ever_confirmed = start.ever_confirmed
        self._first_request = not start.undos
        self._closing = False
        self.expires_at = start.expires_at
        self.status: OrderStatus | None = None
        self.price_difference: Money | None = None
        self.amount_due: Money | None = None
        """The amount still to be paid for the draft, as far as this run knows; negative for a refund."""
        self.correlation_id: str | None = None
        self.channel: str | None = None

    @property
    def open(self) -> bool:
        """Whether the draft has steps that a discard would undo."""
        return bool(self._saga.undos)

    @property
    def due(self) -> bool:
        """Whether the draft must be closed: its deadline has passed, or an earlier run has undone a part of it."""
        passed = self.expires_at is not None and workflow.now() >= self.expires_at
        return self.open and (passed or self._closing)

    @property
    def undo_summaries(self) -> tuple[str, ...]:
        """The steps that a discard would undo, in words, in the order of their undoing."""
        return tuple(undo.command.summary() for undo in reversed(self._saga.undos))

    def as_start(self, start: StartDraft) -> StartDraft:
        """Return the input of the next run of this workflow, which continues with this draft."""
        entries = [UndoEntry(step=undo.step.name, command=undo.command.model_dump()) for undo in self._saga.undos]
        return start.model_copy(
            update={
                "undos": tuple(entries),
                "expires_at": self.expires_at,
                "draft_opened_by": self._opened_by,
                "ever_confirmed": self._ever_confirmed,
                "recover": False,
            }
        )

    def _learn(self, result: BaseModel) -> None:
        """Remember what a step found, or a group."""
        match result:
            case GroupResult():
                ended = result.recovery_required or (result.ended is not None and result.refused is None)
                self._learn_draft(result.open_draft, ended=ended)
                if result.plan:
                    self._learn_plan(result.plan)
            case PlanChangeResult():
                self._learn_draft(result.open_draft, ended=result.already_ended is not None)
                self._learn_plan(result)
            case QuoteChangeResult():
                self.price_difference = result.difference
            case SwapOfferBundleResult():
                self.amount_due = result.balance
            case RecordProviderEventResult() if self.open:
                # What an authorisation paid for that has ended is due again.
                self.amount_due = result.balance
            case _:
                pass

    def _learn_draft(self, draft: OpenDraft | None, *, ended: bool) -> None:
        # The plan of a request that had already ended carries no draft: the next request loads it.
        if self._first_request and not ended:
            self._adopt(draft)
            self._first_request = False

    def _learn_plan(self, plan: PlanChangeResult) -> None:
        self._ever_confirmed = self._ever_confirmed or plan.ever_confirmed
        self.correlation_id = plan.correlation_id or self.correlation_id
        self.channel = plan.channel or self.channel
        self._runner.progress.set_summary(plan.summary)

    def _confirmed(self, run: FlowRun) -> bool:
        """Note that the draft is confirmed, if it is; return whether."""
        order = run.result_of(CONFIRM_ORDER)
        if order is None:
            return False
        self.status = order.status
        self._ever_confirmed = True
        self._reset()
        return True

    def _replace(self, work: UnfinishedWork) -> None:
        """Replace the draft as this run knows it by the one in the store."""
        self._reset()
        self._adopt(work.draft)
        self._ever_confirmed = work.ever_confirmed

    def _adopt(self, draft: OpenDraft | None) -> None:
        if draft:
            self._saga.adopt(recorded_undos(draft.steps))
            self._opened_by, self.expires_at, self._closing = draft.draft_opened_by, draft.expires_at, draft.closing

    def _reset(self) -> None:
        self._saga, self._opened_by, self.expires_at, self._closing = Saga(self._runner), None, None, False
        self.amount_due = None
