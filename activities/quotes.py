"""Prices a planned change."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, final

from pydantic import BaseModel
from sqlmodel import Session

from activities.support.planning_context import PlanningContext, find_bundles, load_slice
from activities.support.step_context import StepContext
from activities.support.step_kinds import Check, Command
from domain import formats
from domain.changes import ChangeRequest
from domain.money import Money
from domain.offers import OfferBundle
from domain.orders import Order
from domain.planning.plan_change import plan_change
from domain.preconditions import check_paid
from domain.quote_change import check_plan_times, check_quote, quote_change
from domain.quotes import Quote
from domain.refusals import OrderErased
from domain.traveller_rules import validate_travellers
from providers.protocols import OfferCatalogue
from store.changes import changes
from store.database.documents import to_document
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


@final
class QuoteChange(Check[QuoteChangeCommand, QuoteChangeResult]):
    """Prices a change and records the quote.

    Raises what `check_plan_times` raises, the plan's refusals about products, RefundUndecided and PriceAboveLimit.
    Raises BalanceNotZero for a change in one go that leaves an amount due without a payment: it is refused here, before
    any seat is held.
    """

    system = System.STORE

    def calls_outside(self, context: StepContext) -> bool:
        """Whether the offer catalogue, which is read, is external."""
        return context.offers.external

    def call(self, context: StepContext, order: OrderRow, command: QuoteChangeCommand) -> PlanningContext:
        """Read order, request and catalogue."""
        return context.planning.load(order, command.change)

    def record(
        self, context: StepContext, tx: Session, order: OrderRow, command: QuoteChangeCommand, response: PlanningContext
    ) -> QuoteChangeResult:
        """Price the plan, and keep the quote with the change."""
        row = changes.existing(tx, command.change)
        plan = changes.plan_of(row)
        # Again, because an offer is valid only if its change is quoted in time.
        check_plan_times(response.order, plan, response.catalogue, context.store.now())
        quote = quote_change(response.order, plan, response.catalogue)
        check_quote(quote, plan, response.request.at_most)
        if plan.confirm and not plan.ends_draft:
            check_paid(quote.balance, pays=response.request.payment is not None)
        changes.record_findings(tx, row.id, quote=to_document(quote), needs=formats.needs(quote))
        return QuoteChangeResult(difference=quote.difference, fee=quote.fee, balance=quote.balance)


@dataclass(frozen=True)
class UnpricedChange:
    """What our own database knows of a change that is to be priced."""

    order_row: OrderRow
    order: Order
    request: ChangeRequest
    bundles: dict[str, OfferBundle]


def read_unpriced(tx: Session, order_row: OrderRow, request: ChangeRequest) -> UnpricedChange:
    """Read an order and the bundles that a change names. Raises OrderErased."""
    if order_row.erased_at is not None:
        raise OrderErased
    order = load(tx, order_row)
    return UnpricedChange(order_row, order, request, find_bundles(tx, order_row.tenant, order, request))


def price(unpriced: UnpricedChange, offers: OfferCatalogue, now: datetime) -> Quote:
    """Return the quote of a change, by the same rules as the change itself, without recording or holding anything.

    Raises the refusals that the change itself would meet before its seats and its payment, and
    ProviderUnavailableError. No transaction may be open: the catalogue may be external.
    """
    order_row, order, request = unpriced.order_row, unpriced.order, unpriced.request
    catalogue = load_slice(order_row.tenant, offers, order, request, unpriced.bundles)
    plan = plan_change(order, request, catalogue, order_row.next_line, order_row.next_position, now)
    check_plan_times(order, plan, catalogue, now)
    validate_travellers(order, request, plan, catalogue)
    quote = quote_change(order, plan, catalogue)
    return quote.model_copy(update={"warnings": (*plan.warnings, *quote.warnings)})


QUOTE_CHANGE = QuoteChange()
