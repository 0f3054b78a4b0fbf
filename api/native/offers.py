"""POST /v1/offers: search offers and their prices."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.birth_dates import check_birth_dates
from api.http.routes import AuthenticatedRoute
from api.native.offers_schema import BundlesOut, OfferSearchIn, bundle_out
from api.services.read_order import require_visible
from api.services.search_offers import find_offers
from providers.bounded_calls import one_deadline
from providers.protocols import OfferSearch, SearchTraveller

router = APIRouter(tags=["offers"], route_class=AuthenticatedRoute)

_PROBLEMS = responses(
    "MALFORMED_BODY",
    "PRODUCT_NOT_FOUND",
    "SERVICE_NOT_FOUND",
    "ORDER_NOT_FOUND",
    "ORDER_ERASED",
    "BODY_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "MEMBER_INVALID",
    "PROVIDER_UNAVAILABLE",
)


@router.post("/v1/offers", name="search_offers", responses=_PROBLEMS)
def search_offers(search: OfferSearchIn, ctx: Annotated[ApiContext, Depends(api_context)]) -> BundlesOut:
    """Search offer bundles for travellers: one per suitable product. Its price is guaranteed until `expires_at`.

    No seat is held. What is sold out is left out unless `sold_out` asks for it. An unknown product, service or order
    is 404; without a suitable product the list is empty.
    """
    check_birth_dates((each.birth_date for each in search.travellers), ctx.store.now().date())
    if search.order:
        require_visible(ctx, search.order)
    query = OfferSearch(
        product=search.product,
        service=search.service,
        valid_from=search.valid_from,
        time_zone=search.time_zone,
        travellers=tuple(SearchTraveller(each.id, each.birth_date) for each in search.travellers),
    )
    with one_deadline():
        _require_known(ctx, search)
        found = find_offers(ctx, query, search.order, sold_out=search.sold_out)
    return BundlesOut(offer_bundles=[bundle_out(bundle, found.availability) for bundle in found.bundles])


def _require_known(ctx: ApiContext, search: OfferSearchIn) -> None:
    if search.product and not ctx.offers.products(ctx.tenant, [search.product]):
        raise ProblemError("PRODUCT_NOT_FOUND")
    if search.service and not ctx.offers.services(ctx.tenant, [search.service]):
        raise ProblemError("SERVICE_NOT_FOUND")
