"""The contract of an inventory outside of our database, as tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from itertools import count

import pytest

from providers.contracts.assertions import assert_fault_within, new_key
from providers.contracts.fault_proxy import Disturbance, FalseAnswer, Trouble
from providers.contracts.inventory import InventoryContract
from providers.contracts.inventory_under_test import (
    LONG,
    SHORT,
    SOLD_OUT,
    InjectsFaults,
    InventoryUnderTest,
    assert_nothing_held,
    of_either_kind,
    references_of,
)
from providers.errors import HoldCostsMoneyError, HoldIsGoneError, ProviderUnavailableError
from providers.protocols import ActState, HoldRequest, HoldState


class ExternalInventoryContract(InventoryContract):
    """The contract of an external inventory, which must itself guarantee what a step guarantees for an embedded one."""

    def test_it_declares_itself_external(self, inventory: InventoryUnderTest) -> None:
        assert inventory.provider.external is True

    @of_either_kind
    def test_a_hold_after_its_release_is_refused(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, held, never = inventory.supply(kind, 2), new_key("reserve"), new_key("reserve")
        inventory.hold(held, supply)
        for key in (held, never):
            inventory.release(key)
            with pytest.raises(HoldIsGoneError):
                inventory.hold(key, supply)
        assert inventory.free(supply) == 2

    @of_either_kind
    def test_an_extension_that_costs_money_is_refused_and_extends_nothing(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        if inventory.priced is None:
            pytest.skip("the inventory extends holds for nothing")
        supply = inventory.supply(kind, 1)
        held = references_of(inventory.hold(new_key("reserve"), supply, life=SHORT))
        with inventory.priced():
            for _ in range(2):
                with pytest.raises(HoldCostsMoneyError):
                    inventory.provider.extend(inventory.tenant, held, inventory.until(LONG))
        inventory.wait(2 * SHORT)
        assert inventory.free(supply) == 1

    @of_either_kind
    def test_a_sale_that_is_only_accepted_is_pending_until_it_is_done(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key, sale = inventory.supply(kind, 2), new_key("reserve"), new_key("seats")
        old = references_of(inventory.hold(new_key("reserve"), supply))
        taken = references_of(inventory.hold(key, supply, life=SHORT))
        with _slow(inventory)():
            for _ in range(2):
                assert inventory.provider.confirm(inventory.tenant, sale, taken, old) is ActState.PENDING
            inventory.wait(2 * SHORT)
            with pytest.raises(SOLD_OUT):
                inventory.hold(new_key("reserve"), supply)
            if inventory.finds:
                found = inventory.find(key)
                assert (found.state, references_of(found.held)) == (HoldState.HELD, taken)
        for _ in range(2):
            assert inventory.provider.confirm(inventory.tenant, sale, taken, old) is ActState.DONE
        assert inventory.free(supply) == 1
        if inventory.finds:
            assert inventory.find(key).state is HoldState.SOLD

    @of_either_kind
    def test_a_release_that_is_only_accepted_is_pending_and_frees_nothing_until_it_is_done(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key, other = inventory.supply(kind, 2), new_key("reserve"), new_key("reserve")
        inventory.hold(key, supply)
        references = references_of(inventory.hold(other, supply))
        acts: tuple[Callable[[], ActState], ...] = (
            lambda: inventory.provider.release(inventory.tenant, key),
            lambda: inventory.provider.release_references(inventory.tenant, references),
        )
        with _slow(inventory)():
            for _ in range(2):
                assert [act() for act in acts] == [ActState.PENDING] * 2
            if inventory.finds:
                assert [inventory.find(each).state for each in (key, other)] == [HoldState.HELD] * 2
            with pytest.raises(SOLD_OUT):
                inventory.hold(new_key("reserve"), supply)
        assert [act() for act in acts] == [ActState.DONE] * 2
        with pytest.raises(HoldIsGoneError):
            inventory.hold(key, supply)
        assert inventory.free(supply) == 2

    @of_either_kind
    @pytest.mark.parametrize("trouble", Trouble)
    def test_a_failed_hold_is_a_fault_and_a_retry_holds_once(
        self, inventory: InventoryUnderTest, trouble: Trouble, kind: str
    ) -> None:
        supply, key = inventory.supply(kind, 3), new_key("reserve")
        self._assert_fault(inventory, trouble, lambda: inventory.hold(key, supply, 2))
        assert len(inventory.hold(key, supply, 2)) == 2
        assert inventory.free(supply) == 1

    @of_either_kind
    @pytest.mark.parametrize("trouble", Trouble)
    def test_any_other_failed_call_is_a_fault_and_can_be_retried(
        self, inventory: InventoryUnderTest, trouble: Trouble, kind: str
    ) -> None:
        supply, key, sale = inventory.supply(kind, 2), new_key("reserve"), new_key("seats")
        one, two = references_of(inventory.hold(key, supply, 2))
        tenant, provider, until = inventory.tenant, inventory.provider, inventory.until(LONG)
        calls: tuple[Callable[[], object], ...] = (
            lambda: provider.free(tenant, [supply], []),
            lambda: provider.extend(tenant, [one, two], until),
            lambda: inventory.confirm(sale, [one], [two]),
            lambda: inventory.release_references([one]),
            lambda: inventory.release(key),
        )
        for call in calls:
            self._assert_fault(inventory, trouble, call)
            call()
        assert inventory.free(supply) == 2

    @of_either_kind
    @pytest.mark.parametrize("answer", FalseAnswer)
    def test_a_false_answer_is_a_fault_and_the_call_can_be_retried(
        self, inventory: InventoryUnderTest, answer: FalseAnswer, kind: str
    ) -> None:
        supply, key, gone = inventory.supply(kind, 3), new_key("reserve"), new_key("reserve")
        for call in _acts(inventory, supply, key, gone):
            self._assert_fault(inventory, answer, call)
            call()
        _assert_all_done(inventory, supply, key, gone)

    @of_either_kind
    @pytest.mark.parametrize("trouble", [Trouble.LOST, Trouble.DOWN])
    def test_an_act_that_fails_at_any_of_its_requests_is_completed_when_it_is_repeated(
        self, inventory: InventoryUnderTest, trouble: Trouble, kind: str
    ) -> None:
        for act in range(ACTS):
            requests = count(1)
            while self._run_disturbed(inventory, kind, trouble, act, next(requests)):
                pass

    def _run_disturbed(
        self, inventory: InventoryUnderTest, kind: str, trouble: Trouble, act: int, request: int
    ) -> bool:
        """Run all acts, and one of them twice: the first time one of its requests fails. Then look at everything.

        Return whether the act has as many requests.
        """
        supply, key, gone = inventory.supply(kind, 3), new_key("reserve"), new_key("reserve")
        inject, has_request = _injector(inventory), False
        for number, call in enumerate(_acts(inventory, supply, key, gone)):
            if number == act:
                with inject(trouble, only=request), suppress(ProviderUnavailableError):
                    call()
                has_request = inject.requests >= request
            call()
        _assert_all_done(inventory, supply, key, gone)
        return has_request

    def _assert_fault(self, inventory: InventoryUnderTest, trouble: Disturbance, call: Callable[[], object]) -> None:
        with _injector(inventory)(trouble):
            assert_fault_within(inventory.call_timeout, call)


def _injector(inventory: InventoryUnderTest) -> InjectsFaults:
    assert inventory.trouble, "an external inventory needs `trouble`: pass a FaultProxy"
    return inventory.trouble


def _slow(inventory: InventoryUnderTest) -> Callable[[], AbstractContextManager[object]]:
    if inventory.slow is None:
        pytest.skip("the inventory has always done what it answers")
    return inventory.slow


ACTS = 8
"""The number of acts in `_acts`."""


def _acts(inventory: InventoryUnderTest, supply: HoldRequest, key: str, gone: str) -> Iterator[Callable[[], object]]:
    """Yield every act on two holds of a supply of three, each after the one before: one is sold, the rest is free."""
    provider, tenant, until = inventory.provider, inventory.tenant, inventory.until(LONG)
    held: list[str] = []

    def hold() -> None:
        held[:] = references_of(inventory.hold(key, supply, 2))

    yield hold
    yield lambda: inventory.hold(gone, supply)
    yield lambda: inventory.find(key)
    yield lambda: provider.free(tenant, [supply], [])
    yield lambda: provider.extend(tenant, held, until)
    yield lambda: inventory.confirm(f"{key}/sale", held, [])
    yield lambda: inventory.release_references(held[:1])
    yield lambda: inventory.release(gone)


def _assert_all_done(inventory: InventoryUnderTest, supply: HoldRequest, key: str, gone: str) -> None:
    found = inventory.find(key)
    assert (found.state, len(found.held)) == (HoldState.SOLD, 1)
    assert_nothing_held(inventory.find(gone))
    assert inventory.free(supply) == 2
