"""Prices a planned change."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel
from sqlmodel import Session
from temporalio import activity

from activities.support.planning_context import ContextLoader, PlanningContext, catalogue_slice_for
from activities.support.step_executor import StepExecutor
from activities.support.step_kinds import Check, Command
from domain.changes import ChangeRequest
from domain.money import Money
from domain.planning.plan_change import plan_change
from domain.preconditions import check_paid
from domain.quote_change import check_plan_times, check_quote, quote_change
from domain.quotes import Quote
from domain.refusals import OrderErased
from domain.traveller_rules import validate_travellers
from providers.protocols import OfferCatalogue
from store.changes import changes
from store.orders.orders import load
from store.tables import OrderRow
from temporal.names import StepName, System


class QuoteChangeCommand(Command):
    """Price a change."""

    step: ClassVar[str] = StepName.QUOTE_CHANGE

    def summary(self) -> str:
        """Describe the step."""
        return "price the change"


class QuoteChangeResult(BaseModel):
    """The price of a change."""

    difference: Money
    fee: Money
    balance: Money


class QuoteActivities:
    """Prices changes."""

    def __init__(self, executor: StepExecutor, loader: ContextLoader) -> None:
        self._executor = executor
        self._loader = loader

    @activity.defn(name=StepName.QUOTE_CHANGE, no_thread_cancel_exception=True)
    def quote_change(self, command: QuoteChangeCommand) -> QuoteChangeResult:
        """Price a change and record the quote.

        Raises what `check_plan_times` raises, the plan's refusals about products, RefundUndecided and PriceAboveLimit.
        Raises BalanceNotZero for a change in one go that leaves an amount due without a payment: it is refused here,
        before any seat is held.
        """

        def record(tx: Session, _order: OrderRow, context: PlanningContext) -> QuoteChangeResult:
            return self._quote(tx, context, command)

        return self._executor.run(
            command, QuoteChangeResult, self._loader.offers, self._loader.loader_for(command.change), record
        )

    def _quote(self, tx: Session, context: PlanningContext, command: QuoteChangeCommand) -> QuoteChangeResult:
        row = changes.existing(tx, command.change)
        plan = changes.plan_of(row)
        # Again, because an offer is valid only if its change is quoted in time.
        check_plan_times(context.order, plan, context.catalogue, self._executor.store.now())
        quote = quote_change(context.order, plan, context.catalogue)
        check_quote(quote, plan, context.request.at_most)
        if plan.confirm and not plan.ends_draft:
            check_paid(quote.balance, pays=context.request.payment is not None)
        changes.record_findings(tx, row.id, quote=quote.model_dump_json())
        return QuoteChangeResult(difference=quote.difference, fee=quote.fee, balance=quote.balance)


def price(tx: Session, order_row: OrderRow, offers: OfferCatalogue, request: ChangeRequest, now: datetime) -> Quote:
    """Return the quote of a change, by the same rules as the change itself, without recording or holding anything.

    Raises the refusals that the change itself would meet before its seats and its payment.
    """
    if order_row.erased_at is not None:
        raise OrderErased
    order = load(tx, order_row)
    catalogue = catalogue_slice_for(tx, order_row.tenant, offers, order, request)
    plan = plan_change(order, request, catalogue, order_row.next_line, order_row.next_position, now)
    check_plan_times(order, plan, catalogue, now)
    validate_travellers(order, request, plan, catalogue)
    quote = quote_change(order, plan, catalogue)
    return quote.model_copy(update={"warnings": (*plan.warnings, *quote.warnings)})


QUOTE_CHANGE = Check(QuoteChangeCommand, QuoteActivities.quote_change, system=System.OFFERS)
