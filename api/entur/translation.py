"""From Entur's requests to our own operations. No rule of the business lives here."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.entur.requests import (
    ChangeOrderLinesConfiguration,
    Configuration,
    CustomerIn,
    DistributionIn,
    EntitlementIn,
    OfferConfiguration,
    RefIn,
    SupplementConfiguration,
)
from api.errors.problems import ProblemError
from domain.changes import ChangeKind, ChangeRequest
from domain.customers import Customer, Distribution, Entitlement, Reference
from domain.offers import OfferBundle
from domain.operations import AddLines, AddSupplements, LineWish, Operation, ReplaceLines, SupplementWish

Bundles = Mapping[str, OfferBundle]
"""The bundle of every offer named, by the offer's id."""

_LINE = re.compile(r"\d{2}-\d{6,12}-\d{1,9}", re.ASCII)


def reserving(configurations: Sequence[OfferConfiguration], bundles: Bundles) -> ChangeRequest:
    """Return the request that adds offers. Raises ProblemError for what cannot be combined."""
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=tuple(_adding(each, bundles) for each in configurations))


def _adding(wanted: OfferConfiguration, bundles: Bundles) -> Operation:
    if wanted.count is not None and wanted.selected_traveller_ids:
        raise ProblemError("COUNT_WITH_TRAVELLERS")
    if wanted.order_line_id is not None and wanted.count not in (None, 1):
        raise ProblemError("COUNT_WITH_LINE")
    fields = _wish(wanted, bundles) | {"count": wanted.count if wanted.order_line_id is None else None}
    fields["customers"] = (*fields["customers"], *_customers_by_id(wanted))
    if wanted.order_line_id is not None:
        return _replacing([wanted.order_line_id], [fields])
    return AddLines(op="add_lines", **fields)


def changing(
    configurations: Sequence[ChangeOrderLinesConfiguration], bundles: Bundles, *, refund: bool
) -> ChangeRequest:
    """Return the request that replaces lines: configurations of the same lines are one replacement, n to m.

    Raises SELECTED_LINES_MISMATCH when configurations of one line select different lines.
    """
    selected: dict[str, list[str]] = {}
    for each in configurations:
        lines = sorted(set(each.selected_order_line_ids or (each.order_line_id,)))
        if each.order_line_id not in lines or selected.setdefault(each.order_line_id, lines) != lines:
            raise ProblemError("SELECTED_LINES_MISMATCH")
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in configurations:
        groups.setdefault(tuple(selected[each.order_line_id]), []).append(_wish(each, bundles))
    operations = tuple(_replacing(list(lines), wishes) for lines, wishes in groups.items())
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=operations, refund_price_difference=refund)


def supplementing(configurations: Sequence[SupplementConfiguration]) -> ChangeRequest:
    """Return the request that sells supplements on top of lines."""
    operations = tuple(
        AddSupplements(
            op="add_supplements",
            line=_line(each.order_line_id),
            supplements=tuple(
                SupplementWish(supplement=product.selected_product_id, count=product.count or 1)
                for product in each.selected_products_configuration
            ),
            customers=tuple(map(_customer, each.customers or ())),
        )
        for each in configurations
    )
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=operations)


def _replacing(lines: Sequence[str], wishes: Sequence[dict[str, Any]]) -> ReplaceLines:
    return ReplaceLines.model_validate(
        {"op": "replace_lines", "lines": tuple(map(_line, lines)), "with": tuple(LineWish(**each) for each in wishes)}
    )


def _line(given: str) -> str:
    """Return what can be the id of a line; anything else is as unknown as a line of another order."""
    if not _LINE.fullmatch(given):
        raise ProblemError("LINE_NOT_FOUND")
    return given


def _wish(wanted: Configuration, bundles: Bundles) -> dict[str, Any]:
    bundle = bundles.get(wanted.offer_id)
    if bundle is None:
        raise ProblemError("OFFER_NOT_FOUND")
    return {
        "offer_bundle_id": bundle.id,
        "offer_id": wanted.offer_id,
        "traveller_ids": tuple(dict.fromkeys(wanted.selected_traveller_ids or ())),
        "supplements": _supplements(wanted, bundle),
        "external_reference": wanted.external_reference,
        "customers": tuple(map(_customer, wanted.customers or ())),
        "distribution": _distribution(wanted.distribution_details),
    }


def _supplements(wanted: Configuration, bundle: OfferBundle) -> tuple[SupplementWish, ...]:
    """Return the products selected on top; the offer's own product may be named as well, once."""
    own = next(offer.product for offer in bundle.offers if offer.id == wanted.offer_id)
    chosen = Counter(wanted.selectable_product_ids or ())
    if chosen.pop(own, 0) > 1:
        raise ProblemError("DUPLICATE_PRODUCT")
    return tuple(SupplementWish(supplement=code, count=count) for code, count in chosen.items())


def _customers_by_id(wanted: OfferConfiguration) -> tuple[Customer, ...]:
    held = (_entitlement(wanted.customer_entitlement),) if wanted.customer_entitlement else ()
    return tuple(Customer(id=each, entitlements=held) for each in wanted.customer_ids or ())


def _customer(sent: CustomerIn) -> Customer:
    return Customer(id=sent.customer_id, entitlements=tuple(map(_entitlement, sent.entitlements or ())))


def _entitlement(sent: EntitlementIn) -> Entitlement:
    return Entitlement(
        contract_id=sent.contract_id,
        product=Reference(**sent.entitlement_product_ref.model_dump()),
        external=_reference(sent.external_entitlement_ref),
    )


def _distribution(sent: DistributionIn | None) -> Distribution | None:
    if sent is None:
        return None
    return Distribution(
        fulfilment_method=_reference(sent.fulfillment_method_ref),
        travel_document=_reference(sent.type_of_travel_document_to_issue_ref),
        customer_account=_reference(sent.customer_account_ref),
    )


def _reference(sent: RefIn | None) -> Reference | None:
    return Reference(**sent.model_dump()) if sent else None
