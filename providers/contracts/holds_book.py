"""The contract of an inventory that lists its book, as tests."""

from dataclasses import replace

import pytest

from providers.contracts.assertions import assert_fault_within, new_key
from providers.contracts.fault_proxy import Trouble
from providers.contracts.inventory_under_test import SHORT, InventoryUnderTest, of_either_kind, references_of
from providers.protocols import BookedPlace, Held, ListsHolds

MANY = 120
"""More than a page of most books."""


class HoldsBookContract:
    """What a listed book must say, so that it can be compared with our reservations."""

    @of_either_kind
    def test_all_that_is_held_or_sold_is_listed_once_under_its_key(
        self, inventory: InventoryUnderTest, kind: str
    ) -> None:
        supply, key, other = inventory.supply(kind, MANY), new_key("reserve"), new_key("reserve")
        held, sold = inventory.hold(key, supply, MANY - 1), inventory.hold(other, supply)
        inventory.confirm(new_key("seats"), references_of(sold), [])
        listed = _book(inventory, key, other)
        assert sorted(_entry(each) for each in listed) == sorted(
            [(key, _place(each), False) for each in held] + [(other, _place(each), True) for each in sold]
        )

    @of_either_kind
    def test_what_is_given_back_or_has_ended_is_not_listed(self, inventory: InventoryUnderTest, kind: str) -> None:
        supply, key, other, third = (
            inventory.supply(kind, 3),
            new_key("reserve"),
            new_key("reserve"),
            new_key("reserve"),
        )
        inventory.hold(key, supply)
        inventory.release(key)
        held = inventory.hold(other, supply, 2)
        inventory.release_references(references_of(held)[:1])
        inventory.hold(third, supply, life=SHORT)
        inventory.wait(2 * SHORT)
        listed = _book(inventory, key, other, third)
        assert [(each.key, each.held.reference) for each in listed] == [(other, held[1].reference)]

    @pytest.mark.parametrize("trouble", [Trouble.DOWN, Trouble.PAGE, Trouble.HALF])
    def test_a_book_that_cannot_be_read_is_a_fault(self, inventory: InventoryUnderTest, trouble: Trouble) -> None:
        assert inventory.trouble, "an external inventory needs `trouble`: pass a FaultProxy"
        with inventory.trouble(trouble):
            assert_fault_within(inventory.call_timeout, lambda: _book(inventory))


def _book(inventory: InventoryUnderTest, *keys: str) -> list[BookedPlace]:
    """Return what the book has under some keys."""
    provider = inventory.provider
    assert isinstance(provider, ListsHolds), "the inventory has no `held_by_us`"
    return [each for each in provider.held_by_us(inventory.tenant) if each.key in keys]


def _entry(booked: BookedPlace) -> tuple[str, str, bool]:
    return booked.key, _place(booked.held), booked.sold


def _place(held: Held) -> str:
    return str(replace(held, until=None))
