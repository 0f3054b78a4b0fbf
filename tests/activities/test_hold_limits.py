"""Of two concurrent changes of one client, the second counts the first one's seats, embedded or external."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from activities.seats import RESERVE_SEATS, ReserveSeatsCommand, ReserveSeatsResult
from activities.support.hold_limits import UNLOCKED_HEADROOM, HoldLimits
from activities.support.step_executor import StepExecutor
from domain.access import Scope, TenantAccess
from domain.refusals import ClientHoldsTooMany
from providers.embedded.inventory import EmbeddedInventory
from providers.protocols import Held, HoldRequest
from runtime.settings import Settings
from store import clients
from store.orders import hold_counts
from tests.support.step_by_step import CLIENT, StepByStep
from tests.support.world import TENANT

SHORT_WAIT_SECONDS = 0.5


class Watched(EmbeddedInventory):
    """An inventory that runs a function during each hold."""

    during_hold: Callable[[], None] = staticmethod(lambda: None)
    second: Future[ReserveSeatsResult]

    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        """Hold seats, and run the function before the hold is recorded."""
        held = super().hold(tenant, key, requests, until)
        self.during_hold()
        return held


class External(Watched):
    """The same as an external system."""

    external = True


@pytest.fixture
def steps(prepared_database: str) -> Iterator[StepByStep]:
    by_step = StepByStep(Settings(database=prepared_database))
    with by_step.components.store.write() as tx:
        assert clients.add(tx, TenantAccess(TENANT), CLIENT, [Scope.CHANGE], by_step.components.store.now())
    yield by_step
    by_step.components.store.close()


@pytest.fixture
def railway(steps: StepByStep) -> External:
    return External(steps.components.store)


def reserve(
    steps: StepByStep, railway: Watched, command: ReserveSeatsCommand, per_client: int = 1
) -> ReserveSeatsResult:
    limits = HoldLimits(per_client=per_client)
    executor = StepExecutor(replace(steps.components, inventory=railway, hold_limits=limits))
    return RESERVE_SEATS.execute(executor, command)


def reserve_command(steps: StepByStep, train: str = "4711", *supplements: str) -> ReserveSeatsCommand:
    order = steps.create_order()
    change = steps.record_request(order, "standard", train, [], confirm=False, supplements=supplements)
    return steps.run_until_priced(order, change)[1]


def test_of_two_concurrent_holds_the_second_waits_until_the_first_is_recorded(steps: StepByStep) -> None:
    railway = Watched(steps.components.store)
    first, second = reserve_command(steps), reserve_command(steps, "4713")
    with ThreadPoolExecutor() as threads:

        def run_second() -> None:
            railway.during_hold = lambda: None
            railway.second = threads.submit(reserve, steps, railway, second)
            wait([railway.second], SHORT_WAIT_SECONDS)

        railway.during_hold = run_second
        assert reserve(steps, railway, first).seats == 1
        with pytest.raises(ClientHoldsTooMany):
            railway.second.result()


def test_a_client_far_from_its_limit_is_counted_without_waiting_for_its_other_changes(
    steps: StepByStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[str] = []
    monkeypatch.setattr(hold_counts, "lock_client", lambda _tx, client: locked.append(client))
    railway = Watched(steps.components.store)
    reserve(steps, railway, reserve_command(steps), UNLOCKED_HEADROOM + 1)
    assert locked == []
    reserve(steps, railway, reserve_command(steps), UNLOCKED_HEADROOM + 1)
    assert locked == [CLIENT]


def test_of_two_concurrent_external_holds_the_second_does_not_reach_the_provider(
    steps: StepByStep, railway: External
) -> None:
    first, second = reserve_command(steps), reserve_command(steps)

    def run_second() -> None:
        railway.during_hold = lambda: pytest.fail("the second hold reached the provider")
        with pytest.raises(ClientHoldsTooMany):
            reserve(steps, railway, second)

    railway.during_hold = run_second
    assert reserve(steps, railway, first).seats == 1


def test_a_hold_that_was_started_is_retried_even_above_the_limit(steps: StepByStep, railway: External) -> None:
    def lost() -> None:
        raise TimeoutError

    command, railway.during_hold = reserve_command(steps), lost
    with pytest.raises(TimeoutError):
        reserve(steps, railway, command)
    railway.during_hold = lambda: None
    assert reserve(steps, railway, command, per_client=0).seats == 1


def test_units_that_an_external_inventory_was_asked_for_count_until_it_has_answered_and_then_as_held(
    steps: StepByStep, railway: External
) -> None:
    command, store = reserve_command(steps, "4711", "BICYCLE"), steps.components.store
    service = f"4711-{store.now().date() + timedelta(days=3)}"
    expected = {hold_counts.SEATS: 1, ("BICYCLE", service, None): 1}
    seen: list[dict[hold_counts.Place, int]] = []

    def look() -> None:
        with store.read() as tx:
            seen.append(hold_counts.in_progress(tx, CLIENT, excluding=""))
            seen.append(hold_counts.of_client(tx, CLIENT, store.now(), excluding=()))

    railway.during_hold = look
    result = reserve(steps, railway, command)
    look()
    assert (result.seats, result.units) == (1, 1)
    assert seen == [expected, {}, {}, expected]
