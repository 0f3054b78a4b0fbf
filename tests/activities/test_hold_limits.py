"""Of two changes of one client at once, the second is counted behind the first, wherever the seats are."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime

import pytest

from activities.seats import ReserveSeatsCommand, ReserveSeatsResult, SeatActivities
from activities.support.hold_limits import HoldLimits
from activities.support.step_executor import StepExecutor
from domain.access import Scope, TenantAccess
from domain.refusals import ClientHoldsTooMany
from providers.embedded.seats import EmbeddedSeats
from providers.protocols import HeldSeat, SeatRequest
from runtime.settings import Settings
from store import clients
from tests.support.installation import prepare_database
from tests.support.step_by_step import CLIENT, StepByStep
from tests.support.world import TENANT

A_MOMENT = 0.5


class Watched(EmbeddedSeats):
    """A seat inventory that lets somebody interfere."""

    meanwhile: Callable[[], None] = staticmethod(lambda: None)
    second: Future[ReserveSeatsResult]

    def hold(self, tenant: str, key: str, requests: Sequence[SeatRequest], until: datetime) -> list[HeldSeat]:
        """Hold seats, and let somebody interfere before it is written down."""
        held = super().hold(tenant, key, requests, until)
        self.meanwhile()
        return held


class Elsewhere(Watched):
    """One outside our database."""

    external = True


@pytest.fixture
def steps(fresh_database: str) -> Iterator[StepByStep]:
    made = StepByStep(Settings(database=prepare_database(fresh_database)))
    with made.components.store.write() as tx:
        assert clients.add(tx, TenantAccess(TENANT), CLIENT, [Scope.CHANGE], made.components.store.now())
    yield made
    made.components.store.close()


@pytest.fixture
def railway(steps: StepByStep) -> Elsewhere:
    return Elsewhere(steps.components.store)


def seats(steps: StepByStep, railway: Watched, per_client: int) -> SeatActivities:
    caps = HoldLimits(per_client=per_client)
    return SeatActivities(StepExecutor(steps.components.store), railway, steps.components.deadlines, caps)


def wanted(steps: StepByStep, train: str = "4711") -> ReserveSeatsCommand:
    order = steps.create_order()
    return steps.run_until_priced(order, steps.record_request(order, "standard", train, [], confirm=False))[1]


def test_of_two_at_once_the_second_waits_until_the_first_is_written_down(steps: StepByStep) -> None:
    railway = Watched(steps.components.store)
    first, second, once = wanted(steps), wanted(steps, "4713"), seats(steps, railway, per_client=1)
    with ThreadPoolExecutor() as threads:

        def another() -> None:
            railway.meanwhile = lambda: None
            railway.second = threads.submit(once.reserve_seats, second)
            wait([railway.second], A_MOMENT)

        railway.meanwhile = another
        assert once.reserve_seats(first).seats == 1
        with pytest.raises(ClientHoldsTooMany):
            railway.second.result()


def test_of_two_asked_elsewhere_at_once_the_second_is_not_asked_for(steps: StepByStep, railway: Elsewhere) -> None:
    first, second, once = wanted(steps), wanted(steps), seats(steps, railway, per_client=1)

    def another() -> None:
        railway.meanwhile = lambda: pytest.fail("the second was asked for")
        with pytest.raises(ClientHoldsTooMany):
            once.reserve_seats(second)

    railway.meanwhile = another
    assert once.reserve_seats(first).seats == 1


def test_what_was_asked_for_once_is_asked_for_again_whatever_has_become_of_the_cap(
    steps: StepByStep, railway: Elsewhere
) -> None:
    def lost() -> None:
        raise TimeoutError

    command, railway.meanwhile = wanted(steps), lost
    with pytest.raises(TimeoutError):
        seats(steps, railway, per_client=1).reserve_seats(command)
    railway.meanwhile = lambda: None
    assert seats(steps, railway, per_client=0).reserve_seats(command).seats == 1
