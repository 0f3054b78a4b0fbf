"""Checks the travellers of a change."""

from typing import ClassVar, final

from sqlmodel import Session

from activities.support.planning_context import PlanningContext
from activities.support.step_context import StepContext
from activities.support.step_kinds import Check, Command, Nothing
from domain.traveller_rules import validate_travellers
from store.changes import changes
from store.tables import OrderRow
from temporal.names import StepName, System


class ValidateTravellersCommand(Command):
    """Check all travellers whom a change concerns."""

    step: ClassVar[str] = StepName.VALIDATE_TRAVELLERS

    def summary(self) -> str:
        """Describe the step."""
        return "check the travellers"


@final
class ValidateTravellers(Check[ValidateTravellersCommand, Nothing]):
    """Checks travellers against the chosen offers and the order. Raises the refusals of traveller_rules."""

    system = System.STORE

    def calls_outside(self, context: StepContext) -> bool:
        """Whether the offer catalogue, which is read, is external."""
        return context.offers.external

    def call(self, context: StepContext, order: OrderRow, command: ValidateTravellersCommand) -> PlanningContext:
        """Read order, request and catalogue."""
        return context.planning.load(order, command.change)

    def record(
        self,
        context: StepContext,
        tx: Session,
        order: OrderRow,
        command: ValidateTravellersCommand,
        response: PlanningContext,
    ) -> Nothing:
        """Check the travellers of the plan."""
        plan = changes.plan_of(changes.existing(tx, command.change))
        validate_travellers(response.order, response.request, plan, response.catalogue)
        return Nothing()


VALIDATE_TRAVELLERS = ValidateTravellers()
