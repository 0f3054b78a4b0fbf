"""Checks the travellers of a change."""

from typing import ClassVar

from sqlmodel import Session
from temporalio import activity

from activities.support.planning_context import ContextLoader, PlanningContext
from activities.support.step_executor import StepExecutor
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


class TravellerActivities:
    """Checks travellers."""

    def __init__(self, executor: StepExecutor, loader: ContextLoader) -> None:
        self._executor = executor
        self._loader = loader

    @activity.defn(name=StepName.VALIDATE_TRAVELLERS, no_thread_cancel_exception=True)
    def validate_travellers(self, command: ValidateTravellersCommand) -> Nothing:
        """Check travellers against the chosen offers and the order. Raises the refusals of traveller_rules."""

        def record(tx: Session, _order: OrderRow, context: PlanningContext) -> Nothing:
            plan = changes.plan_of(changes.existing(tx, command.change))
            validate_travellers(context.order, context.request, plan, context.catalogue)
            return Nothing()

        return self._executor.run(
            command, Nothing, self._loader.offers, self._loader.loader_for(command.change), record
        )


VALIDATE_TRAVELLERS = Check(ValidateTravellersCommand, TravellerActivities.validate_travellers, system=System.STORE)
