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
    """Check everybody a change touches."""

    step: ClassVar[str] = StepName.VALIDATE_TRAVELLERS

    def summary(self) -> str:
        """Say what is checked."""
        return "check the travellers"


class TravellerActivities:
    """Checks travellers."""

    def __init__(self, once: StepExecutor, looks: ContextLoader) -> None:
        self._once = once
        self._looks = looks

    @activity.defn(name=StepName.VALIDATE_TRAVELLERS, no_thread_cancel_exception=True)
    def validate_travellers(self, command: ValidateTravellersCommand) -> Nothing:
        """Check travellers against the offers taken and the order; raises the refusals of the rules."""

        def note(tx: Session, _order: OrderRow, seen: PlanningContext) -> Nothing:
            plan = changes.plan_of(changes.existing(tx, command.change))
            validate_travellers(seen.order, seen.request, plan, seen.catalogue)
            return Nothing()

        return self._once.run(command, Nothing, self._looks.offers, self._looks.loader_for(command.change), note)


VALIDATE_TRAVELLERS = Check(ValidateTravellersCommand, TravellerActivities.validate_travellers, system=System.STORE)
