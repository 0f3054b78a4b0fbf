"""Counters count an outcome once, however often its step runs."""

import pytest
from prometheus_client import REGISTRY

from cli.faults.injection import Fault
from store.database.store import Store, after_commit
from temporal.names import StepName
from tests.support.canary import ADULT
from tests.support.world import CARD, World

REPEATED = (Fault.TWICE, Fault.AT_ONCE, Fault.LOST)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


class Growth:
    """The growth of a counter since this was created."""

    def __init__(self, name: str, **labels: str) -> None:
        self._name, self._labels = name, labels
        self._before = counted(name, **labels)

    @property
    def grown(self) -> float:
        return counted(self._name, **self._labels) - self._before


@pytest.mark.parametrize("fault", REPEATED)
async def test_an_outcome_counts_once_however_often_it_is_recorded(world: World, fault: Fault) -> None:
    order = await world.sold(ADULT)
    done = Growth("changeover_changes_total", kind="change", outcome="done", code="")
    confirming, recording = (
        world.faults.arm(order, step, fault) for step in (StepName.CONFIRM_ORDER, StepName.RECORD_OUTCOME)
    )
    assert (await world.upgrade(order, confirm=True, payment=CARD)).body["state"] == "done"
    await world.upgrade(order)
    assert (confirming.fired, recording.fired) >= (1, 1)
    assert done.grown == 2


async def test_a_draft_counts_as_discarded_once(world: World) -> None:
    order, _ = await world.open_draft()
    unwound = Growth("changeover_undone_total", reason="DISCARDED")
    closing = world.faults.arm(order, StepName.CLOSE_DRAFT, Fault.LOST)
    await world.discard(order)
    assert closing.fired
    assert unwound.grown == 1


@pytest.mark.only_on("sqlite")
async def test_an_attempt_is_counted_by_its_result(world: World) -> None:
    order = await world.sold(ADULT)
    ends = {"done": "", "refused": "CURRENCY_MISMATCH", "fault": "other"}
    for fault, (result, reason) in zip((Fault.TWICE, Fault.REFUSED, Fault.BROKEN), ends.items(), strict=True):
        attempts = Growth("changeover_step_seconds_count", step=StepName.QUOTE_CHANGE, result=result)
        failures = Growth("changeover_step_failures_total", step=StepName.QUOTE_CHANGE, result=result, reason=reason)
        world.faults.arm(order, StepName.QUOTE_CHANGE, fault)
        await world.upgrade(order, confirm=True, payment=CARD)
        assert (attempts.grown, failures.grown) == (1, result != "done")


def test_callbacks_run_only_after_the_commit(store: Store) -> None:
    called: list[str] = []

    with pytest.raises(ZeroDivisionError), store.write() as tx:
        after_commit(tx, lambda: called.append("lost"))
        raise ZeroDivisionError
    with store.write():
        with store.write() as inner:
            after_commit(inner, lambda: called.append("once"))
        assert called == []
    assert called == ["once"]
