"""Runs the steps of a change one after the other without a workflow, to record the SQL statements they execute."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import event

from activities.drafts import ConfirmOrderCommand
from activities.order_lines import SwapOfferBundleCommand, SwapOfferBundleResult
from activities.outcomes import RecordOutcomeCommand
from activities.payments import AuthorisePaymentCommand, SettlePriceDifferenceCommand
from activities.plans import PlanChangeCommand, PlanChangeResult
from activities.quotes import QuoteChangeCommand
from activities.seats import ConfirmSeatsCommand, ReserveSeatsCommand
from activities.support.flow import GroupCommand
from activities.support.step_kinds import Command
from activities.travellers import ValidateTravellersCommand
from domain.access import TenantAccess
from domain.changes import ChangeRequest, ChangeState
from domain.money import zero
from providers.protocols import OfferSearch, SearchTraveller
from runtime.bootstrap import build_activities, build_components
from runtime.settings import Settings
from store.changes import changes
from store.database.documents import to_document
from store.orders import offer_bundles, order_numbers
from store.orders.events import EventType, append
from store.tables import ChangeRow, OrderRow
from temporal.names import GroupName
from tests.support.world import CARD, TENANT

TRAVELLER, CLIENT = "maria", "shop"

R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True)
class Statement:
    """One SQL statement that a step executed."""

    step: str
    text: str
    parameters: Any


@dataclass
class StepByStep:
    """The steps of an installation, and the statements they execute."""

    settings: Settings
    statements: list[Statement] = field(default_factory=list)
    transactions: int = 0
    _step: str = ""

    def __post_init__(self) -> None:
        self.components = build_components(self.settings)
        self._activities = {each.__name__: each for each in build_activities(self.components)}

    def activity(self, name: str) -> Callable[[Any], Any]:
        """Return an activity by its name."""
        return self._activities[name]

    @contextmanager
    def watch_statements(self) -> Iterator[None]:
        """Record the statements and transactions of the store's writer within the block."""
        writer = self.components.store._writer  # noqa: SLF001 - the store does not show its engine
        event.listen(writer, "before_cursor_execute", self._executed)
        event.listen(writer, "begin", self._began)
        yield
        event.remove(writer, "before_cursor_execute", self._executed)
        event.remove(writer, "begin", self._began)

    def _executed(self, _connection: Any, _cursor: Any, text: str, parameters: Any, *_: Any) -> None:
        self.statements.append(Statement(self._step, text, parameters))

    def _began(self, _connection: Any) -> None:
        self.transactions += 1

    def create_order(self) -> str:
        """Create an empty order."""
        store = self.components.store
        with store.write() as tx:
            number = order_numbers.next_order_number(tx, TENANT, store.now())
            order_row = OrderRow(tenant=TENANT, number=number, currency="NOK", created_at=store.now())
            tx.add(order_row)
            tx.flush()
            append(tx, order_row, EventType.ORDER_CREATED, None, store.now(), {})
        return number

    def record_request(
        self, order: str, product: str, train: str, lines: list[str], *, confirm: bool, supplements: Sequence[str] = ()
    ) -> str:
        """Store a change request as the API does; return its id."""
        store, change = self.components.store, str(uuid.uuid4())
        service = f"{train}-{store.now().date() + timedelta(days=3)}"
        travellers = (SearchTraveller(TRAVELLER, date(1990, 5, 4)),)
        search = OfferSearch(product=product, service=service, valid_from=None, time_zone="UTC", travellers=travellers)
        (bundle,) = self.components.offers.search(TENANT, search, store.now())
        names = [{"id": TRAVELLER, "given_name": "Maria", "family_name": "Li"}]
        adds: dict[str, Any] = {"op": "add_lines", "offer_bundle_id": bundle.id, "travellers": names}
        adds |= {"supplements": [{"supplement": each} for each in supplements]}
        puts = {"op": "replace_lines", "lines": lines, "with": [{"offer_bundle_id": bundle.id}]}
        body: dict[str, Any] = {"kind": "change", "operations": [puts if lines else adds], "confirm": confirm}
        body |= {"payment": CARD} if confirm else {}
        request = ChangeRequest.model_validate(body)
        row = ChangeRow(
            tenant=TENANT,
            id=change,
            client=CLIENT,
            order_number=order,
            route="test",
            fingerprint="",
            kind=request.kind,
            request=to_document(request),
            state=ChangeState.WAITING,
            created_at=store.now(),
        )
        with store.for_tenant(TenantAccess(TENANT)).write() as tx:
            offer_bundles.keep(tx, bundle)
            changes.add(tx, row)
        return change

    def run_change(self, order: str, change: str) -> None:
        """Run all steps of a stored change request."""
        about = {"change": change, "order": order}
        plan, reserve = self.run_until_priced(order, change)
        self._run(BaseModel, reserve)
        swap = self._run(SwapOfferBundleResult, SwapOfferBundleCommand(**about))
        if not plan.confirm:
            self._run(BaseModel, RecordOutcomeCommand(**about, state=ChangeState.DONE))
            return
        if swap.balance > zero(swap.balance.currency):
            self._run(BaseModel, AuthorisePaymentCommand(**about, amount=swap.balance))
        for step in (SettlePriceDifferenceCommand, ConfirmSeatsCommand, ConfirmOrderCommand):
            self._run(BaseModel, step(**about))

    def run_in_group(self, order: str, change: str) -> None:
        """Run a stored change request as the workflow does: its steps in one transaction."""
        self._step = GroupName.RUN_CHANGE
        result = self._activities[GroupName.RUN_CHANGE](GroupCommand(change=change, order=order, first_in_run=True))
        assert result.refused is None

    def run_until_priced(self, order: str, change: str) -> tuple[PlanChangeResult, ReserveSeatsCommand]:
        """Run the steps of a change up to its seats; return its plan and the command that reserves the seats."""
        about = {"change": change, "order": order}
        plan = self._run(PlanChangeResult, PlanChangeCommand(**about, first_in_run=True))
        self._run(BaseModel, ValidateTravellersCommand(**about))
        self._run(BaseModel, QuoteChangeCommand(**about))
        return plan, ReserveSeatsCommand(**about, seats=plan.seats, services=plan.services)

    def _run(self, result_type: type[R], command: Command) -> R:
        self._step = command.step
        result = self._activities[command.step](command)
        assert isinstance(result, result_type)
        return result
