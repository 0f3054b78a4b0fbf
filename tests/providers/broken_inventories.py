"""Fake railways and inventories that each violate the contract in one way, named after the violation."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from examples.fake_systems.railway import Hold, Place, Railway, RailwayRefusalError, Seats, Units
from examples.providers.railway_inventory import RailwayInventory
from providers.errors import (
    HoldIsGoneError,
    NoSeatsLeftError,
    NoStockLeftError,
    NoSuchSeatError,
    ProviderUnavailableError,
)
from providers.protocols import Held, HeldSeat, HoldRequest


class ReordersSeats(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        return sorted(super().hold(tenant, key, requests, until), key=lambda each: each.service or "")


class HoldsEachTime(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        return super().hold(tenant, f"{uuid.uuid4()}", requests, until)


class ReordersUnits(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        return sorted(super().hold(tenant, key, requests, until), key=lambda each: not isinstance(each, HeldSeat))


class SellsTwice(Railway):
    def _free(self, places: list[Place], but: list[Place], own: Sequence[str] = ()) -> list[Place]:
        return [place for place in places if place not in but]


class SellsUnitsTwice(Railway):
    def _free(self, places: list[Place], but: list[Place], own: Sequence[str] = ()) -> list[Place]:
        if places and isinstance(places[0][1], str):
            return places
        return super()._free(places, but, own)


class HoldsPartially(Railway):
    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        return [held for each in requests for held in super(HoldsPartially, self).hold(f"{key}{each}", [each], until)]


class HoldsSeatsWithoutTheirUnits(Railway):
    def hold(self, key: str, requests: Sequence[Seats | Units], until: datetime) -> list[Hold]:
        seats = [each for each in requests if isinstance(each, Seats)]
        units = [each for each in requests if isinstance(each, Units)]
        held = super().hold(f"{key}-seats", seats, until) if seats else []
        return held + (super().hold(f"{key}-units", units, until) if units else [])


class IgnoresSeatNames(Railway):
    def _named(self, seats: Seats, but: list[Place]) -> list[Place]:
        return self._choose(Seats(seats.service, len(seats.names)), but)


class DoesNotSayWhatIsSoldOut(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        try:
            return super().hold(tenant, key, requests, until)
        except NoStockLeftError:
            raise NoStockLeftError("something") from None


class CallsEverythingSoldOut(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        try:
            return super().hold(tenant, key, requests, until)
        except NoSuchSeatError:
            raise NoSeatsLeftError from None


class LongReferences(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        held = super().hold(tenant, key, requests, until)
        return [replace(each, reference=each.reference + "x" * 100) for each in held]


class ReleasesAllKeys(Railway):
    def release(self, key: str) -> None:
        super().release(key)
        self.holds.clear()


class RefusesFreeSeats(Railway):
    def release_references(self, references: list[str]) -> None:
        self._check_held(references)
        super().release_references(references)


class NeverExpires(Railway):
    def _held(self, key: str, place: Place, until: datetime) -> Hold:
        hold = super()._held(key, place, until)
        hold.until = None
        return hold


class Shortens(Railway):
    def extend(self, references: list[str], until: datetime) -> None:
        super().extend(references, until)
        for reference in references:
            self.holds[reference].until = until


class IgnoresReleasedHolds(RailwayInventory):
    def extend(self, tenant: str, references: Sequence[str], until: datetime) -> None:
        try:
            super().extend(tenant, references, until)
        except HoldIsGoneError:
            return


class ForgetsSoldSeats(Railway):
    def sell(self, taken: list[str], given_up: list[str]) -> None:
        self._check_held(taken)
        self._free_up(given_up)


class ClaimsToBeEmbedded(RailwayInventory):
    external = False


class NoTombstone(Railway):
    def release(self, key: str) -> None:
        super().release(key)
        self.released.clear()


class SoldOutWhenUnavailable(RailwayInventory):
    def hold(self, tenant: str, key: str, requests: Sequence[HoldRequest], until: datetime) -> list[Held]:
        try:
            return super().hold(tenant, key, requests, until)
        except ProviderUnavailableError:
            raise NoSeatsLeftError from None


class IgnoresFailedReleases(RailwayInventory):
    def release_references(self, tenant: str, references: Sequence[str]) -> None:
        try:
            super().release_references(tenant, references)
        except ProviderUnavailableError:
            return


class RefusesRepeatedSales(Railway):
    """Refuses a repeated sale, because the seats given up are no longer held."""

    def sell(self, taken: list[str], given_up: list[str]) -> None:
        self._check_held(taken)
        if not set(given_up) <= set(self.holds):
            raise RailwayRefusalError("gone")
        super().sell(taken, given_up)


class CountsHeldAsFree(Railway):
    def free(self, requests: Sequence[Seats | Units], own: Sequence[str]) -> list[int | None]:
        return super().free(requests, [*own, *self.holds])


class ForgetsOwnHolds(Railway):
    def free(self, requests: Sequence[Seats | Units], own: Sequence[str]) -> list[int | None]:
        return super().free(requests, [])


class TakesUnknownForSoldOut(RailwayInventory):
    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        return [count or 0 for count in super().free(tenant, requests, own)]


class SoldOutWhenItDoesNotAnswer(RailwayInventory):
    def free(self, tenant: str, requests: Sequence[HoldRequest], own: Sequence[str]) -> list[int | None]:
        try:
            return super().free(tenant, requests, own)
        except ProviderUnavailableError:
            return [0 for _ in requests]
