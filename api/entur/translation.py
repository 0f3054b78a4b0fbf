"""Translates Entur's requests to our own change requests. It has no business rules."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from api.entur.groups import Bundles, Wish, join_groups
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

_LINE = re.compile(r"\d{2}-\d{6,12}-\d{1,9}", re.ASCII)


def reserve_offers(configurations: Sequence[OfferConfiguration], bundles: Bundles) -> ChangeRequest:
    """Return the request that adds offers. Raises ProblemError for members that cannot be combined."""
    operations = tuple(_add_or_replace(each, number, bundles) for number, each in enumerate(configurations))
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=operations, keeps_surplus=True)


def _add_or_replace(configuration: OfferConfiguration, number: int, bundles: Bundles) -> Operation:
    count = configuration.count
    if count not in (None, 1) and configuration.selected_traveller_ids:
        raise ProblemError("COUNT_WITH_TRAVELLERS", [_at(number, "count")])
    if count not in (None, 1) and configuration.order_line_id is not None:
        raise ProblemError("COUNT_WITH_LINE", [_at(number, "count")])
    fields = _wish(configuration, bundles)
    fields["customers"] = (*fields["customers"], *_customers_by_id(configuration))
    if configuration.order_line_id is not None:
        return _replace_lines([line_id(configuration.order_line_id, _at(number, "orderLineId"))], [fields])
    # Chosen travellers decide how many lines there are; a count of one, the original's default, says nothing then.
    return AddLines(op="add_lines", **fields, count=None if configuration.selected_traveller_ids else count)


def update_order(
    configurations: Sequence[ChangeOrderLinesConfiguration], bundles: Bundles, *, refund: bool | None
) -> ChangeRequest:
    """Return the request that replaces lines; configurations of the same lines form one replacement, n by m.

    Raises SELECTED_LINES_MISMATCH when configurations of one line select different lines.
    """
    selected: dict[str, tuple[str, ...]] = {}
    replacements: dict[tuple[str, ...], list[ChangeOrderLinesConfiguration]] = {}
    for number, each in enumerate(configurations):
        lines = tuple(sorted(set(each.selected_order_line_ids or (each.order_line_id,))))
        if each.order_line_id not in lines or selected.setdefault(each.order_line_id, lines) != lines:
            raise ProblemError("SELECTED_LINES_MISMATCH", [_at(number, "selectedOrderLineIds") | _SAME_LINES])
        for line in lines:
            line_id(line, _at(number, "selectedOrderLineIds" if each.selected_order_line_ids else "orderLineId"))
        replacements.setdefault(lines, []).append(each)
    operations = tuple(_replace_lines(lines, _wishes(of_lines, bundles)) for lines, of_lines in replacements.items())
    return ChangeRequest(
        kind=ChangeKind.CHANGE, operations=operations, refund_price_difference=refund, keeps_surplus=True
    )


def _wishes(configurations: Sequence[ChangeOrderLinesConfiguration], bundles: Bundles) -> list[Wish]:
    """Return the wishes for the same lines; if all name the lines together, one group is asked for once."""
    wishes = [_wish(each, bundles) for each in configurations]
    together = all(each.selected_order_line_ids for each in configurations)
    return join_groups(wishes, bundles) if together else wishes


_SAME_LINES = {"detail": "must be the same in all configurations of a line, and have the line itself"}


def confirm_lines(named: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the lines that a confirmation names; None for all."""
    if named is None:
        return None
    return tuple(line_id(each, {"pointer": f"/orderLineIds/{number}"}) for number, each in enumerate(named))


def add_supplements(configurations: Sequence[SupplementConfiguration]) -> ChangeRequest:
    """Return the request that adds supplements to lines."""
    operations = tuple(
        AddSupplements(
            op="add_supplements",
            line=line_id(each.order_line_id, _at(number, "orderLineId")),
            supplements=tuple(
                SupplementWish(supplement=product.selected_product_id, count=product.count or 1)
                for product in each.selected_products_configuration
            ),
            customers=tuple(map(_customer, each.customers or ())),
        )
        for number, each in enumerate(configurations)
    )
    return ChangeRequest(kind=ChangeKind.CHANGE, operations=operations, keeps_surplus=True)


def _replace_lines(lines: Sequence[str], wishes: Sequence[Wish]) -> ReplaceLines:
    return ReplaceLines.model_validate(
        {"op": "replace_lines", "lines": tuple(lines), "with": tuple(LineWish(**each) for each in wishes)}
    )


def line_id(text: str, place: Mapping[str, str]) -> str:
    """Return a line's id. Raises LINE_NOT_FOUND for text that cannot be one, as for a line of another order."""
    if not _LINE.fullmatch(text):
        raise ProblemError("LINE_NOT_FOUND", [place])
    return text


def _at(number: int, member: str) -> dict[str, str]:
    return {"pointer": f"/offerConfigurations/{number}/{member}"}


def _wish(configuration: Configuration, bundles: Bundles) -> Wish:
    bundle = bundles.get(configuration.offer_id)
    if bundle is None:
        raise ProblemError("OFFER_NOT_FOUND")
    return {
        "offer_bundle_id": bundle.id,
        "offer_id": configuration.offer_id,
        "traveller_ids": tuple(dict.fromkeys(configuration.selected_traveller_ids or ())),
        "supplements": _supplements(configuration, bundle),
        "external_reference": configuration.external_reference,
        "customers": tuple(map(_customer, configuration.customers or ())),
        "distribution": _distribution(configuration.distribution_details),
    }


def _supplements(configuration: Configuration, bundle: OfferBundle) -> tuple[SupplementWish, ...]:
    """Return the selected supplements; the offer's own product may be listed too, once."""
    own = next(offer.product for offer in bundle.offers if offer.id == configuration.offer_id)
    selected = Counter(configuration.selectable_product_ids or ())
    if selected.pop(own, 0) > 1:
        raise ProblemError("DUPLICATE_PRODUCT")
    return tuple(SupplementWish(supplement=code, count=count) for code, count in selected.items())


def _customers_by_id(configuration: OfferConfiguration) -> tuple[Customer, ...]:
    entitlements = (_entitlement(configuration.customer_entitlement),) if configuration.customer_entitlement else ()
    return tuple(Customer(id=each, entitlements=entitlements) for each in configuration.customer_ids or ())


def _customer(customer: CustomerIn) -> Customer:
    return Customer(id=customer.customer_id, entitlements=tuple(map(_entitlement, customer.entitlements or ())))


def _entitlement(entitlement: EntitlementIn) -> Entitlement:
    return Entitlement(
        contract_id=entitlement.contract_id,
        product=Reference(**entitlement.entitlement_product_ref.model_dump()),
        external=_reference(entitlement.external_entitlement_ref),
    )


def _distribution(details: DistributionIn | None) -> Distribution | None:
    if details is None:
        return None
    return Distribution(
        fulfilment_method=_reference(details.fulfillment_method_ref),
        travel_document=_reference(details.type_of_travel_document_to_issue_ref),
        customer_account=_reference(details.customer_account_ref),
    )


def _reference(ref: RefIn | None) -> Reference | None:
    return Reference(**ref.model_dump()) if ref else None
