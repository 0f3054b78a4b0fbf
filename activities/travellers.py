"""Checks the travellers of a change."""

from typing import ClassVar

from sqlmodel import Session
from temporalio import activity

from activities.once import Once
from activities.shelf import shelf_for
from activities.steps import Check, Command, Nothing, Place
from domain.traveller_rules import validate_travellers
from providers.protocols import OfferCatalogue
from store import changes
from store.orders import load
from store.tables import OrderRow


class ValidateTravellers(Command):
    """Check everybody a change touches."""

    step: ClassVar[str] = "validate_travellers"
    part: ClassVar[str] = "validate"

    def summary(self) -> str:
        """Say what is checked."""
        return "check the travellers against the offers"


class TravellerActivities:
    """Checks travellers."""

    def __init__(self, once: Once, offers: OfferCatalogue) -> None:
        self._once = once
        self._offers = offers

    @activity.defn(no_thread_cancel_exception=True)
    def validate_travellers(self, command: ValidateTravellers) -> Nothing:
        """Check travellers against the offers taken and the order; raises the refusals of the rules."""
        return self._once.check(command, Nothing, lambda tx, order: self._validate(tx, order, command))

    def _validate(self, tx: Session, head: OrderRow, command: ValidateTravellers) -> Nothing:
        row = changes.existing(tx, command.change)
        request, plan, order = changes.request_of(row), changes.plan_of(row), load(tx, head)
        validate_travellers(order, request, plan, shelf_for(tx, head.tenant, self._offers, order, request))
        return Nothing()


VALIDATE_TRAVELLERS = Check(ValidateTravellers, TravellerActivities.validate_travellers, place=Place.STORE)
