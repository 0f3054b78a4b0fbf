"""Joins configurations that ask for one group: the same lines replaced by the same offer of a group product."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.errors.problems import ProblemError
from domain.customers import MAX_CUSTOMERS
from domain.offers import Offer, OfferBundle
from domain.operations import SupplementWish

Bundles = Mapping[str, OfferBundle]
"""The bundle of every offer in a request, by the offer's id."""
Wish = dict[str, Any]
"""The members of a `LineWish`."""


def join_groups(wishes: Sequence[Wish], bundles: Bundles) -> list[Wish]:
    """Return the wishes that replace the same lines: those for one group offer are one, if one group may hold them.

    Raises MEMBER_INVALID when they differ in what a line has once.
    """
    by_offer: dict[str, list[Wish]] = {}
    for each in wishes:
        by_offer.setdefault(each["offer_id"], []).append(each)
    joined: list[Wish] = []
    for offer_id, of_offer in by_offer.items():
        offer, travellers = _group_offer(bundles, offer_id), _travellers(of_offer)
        if len(of_offer) > 1 and offer and len(travellers or offer.travellers) <= offer.largest:
            joined.append(_join(of_offer, travellers))
        else:
            joined.extend(of_offer)
    return joined


def _group_offer(bundles: Bundles, offer_id: str) -> Offer | None:
    return next((each for each in bundles[offer_id].offers if each.id == offer_id and each.group), None)


def _travellers(wishes: Sequence[Wish]) -> tuple[str, ...]:
    """Return the travellers that the wishes name, each once; none if one of them takes all of the offer's."""
    if not all(each["traveller_ids"] for each in wishes):
        return ()
    return tuple(dict.fromkeys(traveller for each in wishes for traveller in each["traveller_ids"]))


def _join(wishes: Sequence[Wish], travellers: tuple[str, ...]) -> Wish:
    customers = tuple(dict.fromkeys(customer for each in wishes for customer in each["customers"]))
    if len(customers) > MAX_CUSTOMERS:
        raise _invalid("names too many customers for one group")
    return wishes[0] | {
        "traveller_ids": travellers,
        "supplements": _supplements(wishes),
        "customers": customers,
        "external_reference": _only(wishes, "external_reference", "externalReference"),
        "distribution": _only(wishes, "distribution", "distributionDetails"),
    }


def _supplements(wishes: Sequence[Wish]) -> tuple[SupplementWish, ...]:
    """Return the supplements of all wishes; those of a wish for one traveller are that traveller's."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for wish in wishes:
        owner = wish["traveller_ids"][0] if len(wish["traveller_ids"]) == 1 else None
        for each in wish["supplements"]:
            counts[each.supplement, owner] += each.count
    return tuple(SupplementWish(supplement=code, count=n, traveller=owner) for (code, owner), n in counts.items())


def _only(wishes: Sequence[Wish], name: str, member: str) -> Any:
    """Return the only value that any of the wishes has."""
    values = [each[name] for each in wishes if each[name] is not None]
    if any(each != values[0] for each in values):
        raise _invalid(f"names two values of {member} for one group")
    return values[0] if values else None


def _invalid(detail: str) -> ProblemError:
    return ProblemError("MEMBER_INVALID", [{"pointer": "/offerConfigurations", "code": "group", "detail": detail}])
