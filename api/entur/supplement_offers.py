"""Checks the offers by which supplements are added: each is the line's own, or of the line's product and service."""

from api.context import ApiContext
from api.entur.requests import AddSupplementProductsRequest, SupplementConfiguration
from api.errors.problems import ProblemError
from api.services.read_order import read_order
from domain.lineage import current_lines
from domain.offers import OfferBundle
from domain.orders import Order
from domain.refusals import LineNotFound, SupplementNotOffered
from store.orders import offer_bundles

_OTHER = "must be the line's own offer, or one of the line's product and service"


def check_offers(ctx: ApiContext, body: AddSupplementProductsRequest) -> None:
    """Check the offer of each configuration; whether it has expired does not matter.

    Raises ORDER_NOT_FOUND, OFFER_NOT_FOUND and SUPPLEMENT_NOT_OFFERED. A line that is unknown or was removed is refused
    when the request has its turn.
    """
    _, order = read_order(ctx, body.order_id)
    with ctx.store.read() as tx:
        bundles = offer_bundles.of_offers(tx, [each.offer_id for each in body.offer_configurations])
    for number, each in enumerate(body.offer_configurations):
        _check(order, each, bundles.get(each.offer_id), f"/offerConfigurations/{number}/offerId")


def _check(order: Order, configuration: SupplementConfiguration, bundle: OfferBundle | None, pointer: str) -> None:
    offer_id = configuration.offer_id
    try:
        lines = current_lines(order, configuration.order_line_id)
    except LineNotFound:
        lines = ()
    if any(line.offer == offer_id for line in lines):
        return
    if bundle is None:
        raise ProblemError("OFFER_NOT_FOUND", [{"pointer": pointer}])
    products = {offer.product for offer in bundle.offers if offer.id == offer_id}
    if lines and not any(line.product in products and line.service == bundle.service for line in lines):
        errors = [{"pointer": pointer, "line": lines[0].id, "detail": _OTHER}]
        raise ProblemError(SupplementNotOffered.code, errors)
