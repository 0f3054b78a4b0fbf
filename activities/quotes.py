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
from domain.quote_change import quote_change
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
        """Say what is priced."""
        return "price the change"


class QuoteChangeResult(BaseModel):
    """What a change comes to."""

    difference: Money
    fee: Money
    balance: Money


class QuoteActivities:
    """Prices changes."""

    def __init__(self, once: StepExecutor, looks: ContextLoader) -> None:
        self._once = once
        self._looks = looks

    @activity.defn(name=StepName.QUOTE_CHANGE, no_thread_cancel_exception=True)
    def quote_change(self, command: QuoteChangeCommand) -> QuoteChangeResult:
        """Price a change and keep the quote.

        Raises OfferExpired, ServiceDeparted, NotOffered, and BalanceNotZero for a change in one go
        that would owe money without a payment: refused here, before anything is held.
        """

        def note(tx: Session, _order: OrderRow, seen: PlanningContext) -> QuoteChangeResult:
            return self._quote(tx, seen, command)

        return self._once.run(
            command, QuoteChangeResult, self._looks.offers, self._looks.loader_for(command.change), note
        )

    def _quote(self, tx: Session, seen: PlanningContext, command: QuoteChangeCommand) -> QuoteChangeResult:
        row = changes.existing(tx, command.change)
        plan = changes.plan_of(row)
        quote = quote_change(seen.order, plan, seen.catalogue, self._once.store.now())
        if plan.confirm:
            check_paid(quote.balance, pays=seen.request.payment is not None)
        changes.record_findings(tx, row.id, quote=quote.model_dump_json())
        return QuoteChangeResult(difference=quote.difference, fee=quote.fee, balance=quote.balance)


def price(tx: Session, head: OrderRow, offers: OfferCatalogue, request: ChangeRequest, now: datetime) -> Quote:
    """Return what a change would cost, by the rules a change goes by. Nothing is written or held.

    Raises the refusals the change itself would meet before its seats and its payment.
    """
    if head.erased_at is not None:
        raise OrderErased
    order = load(tx, head)
    shelf = catalogue_slice_for(tx, head.tenant, offers, order, request)
    plan = plan_change(order, request, shelf, head.next_line, head.next_position)
    validate_travellers(order, request, plan, shelf)
    return quote_change(order, plan, shelf, now)


QUOTE_CHANGE = Check(QuoteChangeCommand, QuoteActivities.quote_change, system=System.OFFERS)
