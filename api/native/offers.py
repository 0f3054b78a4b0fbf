"""POST /v1/offers: what could be taken, and at what price."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.context import ApiContext, api_context
from api.errors.problems import ProblemError, responses
from api.http.birth_dates import check_birth_dates
from api.http.routes import AuthenticatedRoute
from api.native.offers_schema import BundlesOut, OfferSearchIn, bundle_out
from api.services.search_offers import find_bundles
from providers.protocols import OfferSearch, SearchTraveller

router = APIRouter(tags=["offers"], route_class=AuthenticatedRoute)

_PROBLEMS = responses(
    "MALFORMED_BODY",
    "PRODUCT_NOT_FOUND",
    "SERVICE_NOT_FOUND",
    "BODY_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "MEMBER_INVALID",
)


@router.post("/v1/offers", name="search_offers", responses=_PROBLEMS)
def search_offers(search: OfferSearchIn, made: Annotated[ApiContext, Depends(api_context)]) -> BundlesOut:
    """Find offer bundles for travellers: one per product that fits, each a promise until it expires.

    Nothing is held. A product or service that is not known is 404; nothing that fits is an empty list.
    """
    check_birth_dates((each.birth_date for each in search.travellers), made.store.now().date())
    if search.product and not made.offers.products(made.tenant, [search.product]):
        raise ProblemError("PRODUCT_NOT_FOUND")
    if search.service and not made.offers.services(made.tenant, [search.service]):
        raise ProblemError("SERVICE_NOT_FOUND")
    wanted = OfferSearch(
        product=search.product,
        service=search.service,
        valid_from=search.valid_from,
        time_zone=search.time_zone,
        travellers=tuple(SearchTraveller(each.id, each.birth_date) for each in search.travellers),
    )
    found = find_bundles(made, wanted)
    offered = [offer.product for bundle in found for offer in bundle.offers]
    products = dict(made.offers.products(made.tenant, offered)) if offered else {}
    on_top = sorted({code for product in products.values() for code in product.supplements})
    supplements = dict(made.offers.supplements(made.tenant, on_top)) if on_top else {}
    return BundlesOut(offer_bundles=[bundle_out(bundle, products, supplements) for bundle in found])
