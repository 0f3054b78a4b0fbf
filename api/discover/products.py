"""Products in discover.swiss's format."""

from decimal import Decimal

from pydantic import Field

from api.discover.json_format import Exact, ResponseModel, francs, number
from domain.products import Product


class AcronymOut(ResponseModel):
    """The acronym of an organisation."""

    acronym: str


class TermOut(ResponseModel):
    """The terms that apply to a product."""

    code: str


class GovernanceOut(ResponseModel):
    """The organisations responsible for a product, and its terms."""

    provider: AcronymOut
    term: TermOut
    source: AcronymOut


class PriceOut(ResponseModel):
    """A price for an age range in years, both ends included."""

    price_chf: Exact = Field(serialization_alias="priceCHF")
    max_allowed_age: int
    min_allowed_age: int


class ProductOut(ResponseModel):
    """A product of the catalogue, or only its id and tax rate."""

    identifier: str
    product_identifier: str | None = None
    sku: str | None = None
    name: str | None = None
    data_governance: GovernanceOut | None = None
    price_list: tuple[PriceOut, ...] = ()
    tax_rate: Exact


def product_out(identifier: str, tax_rate: Decimal, product: Product | None) -> ProductOut:
    """Return a product with the tax rate it was sold at; only its id if it is no longer in the catalogue."""
    if product is None:
        return ProductOut(identifier=identifier, tax_rate=number(tax_rate))
    return ProductOut(
        identifier=identifier,
        product_identifier=product.parent or None,
        sku=product.sku or None,
        name=product.name,
        data_governance=_governance(product),
        price_list=tuple(
            PriceOut(price_chf=francs(row.price), max_allowed_age=row.max_age, min_allowed_age=row.min_age)
            for row in product.prices
        ),
        tax_rate=number(tax_rate),
    )


def _governance(product: Product) -> GovernanceOut | None:
    if not (product.provider or product.terms or product.source):
        return None
    return GovernanceOut(
        provider=AcronymOut(acronym=product.provider),
        term=TermOut(code=product.terms),
        source=AcronymOut(acronym=product.source),
    )
