"""Products as discover.swiss's clients read them."""

from decimal import Decimal

from pydantic import Field

from api.discover.json_format import Exact, ResponseModel, francs, number
from domain.products import Product


class AcronymOut(ResponseModel):
    """Somebody, in short."""

    acronym: str


class TermOut(ResponseModel):
    """Whose terms hold."""

    code: str


class GovernanceOut(ResponseModel):
    """Who answers for a product."""

    provider: AcronymOut
    term: TermOut
    source: AcronymOut


class PriceOut(ResponseModel):
    """A price for an age range; both ends belong to it."""

    price_chf: Exact = Field(serialization_alias="priceCHF")
    max_allowed_age: int
    min_allowed_age: int


class ProductOut(ResponseModel):
    """A product."""

    identifier: str
    product_identifier: str | None = None
    sku: str | None = None
    name: str | None = None
    data_governance: GovernanceOut | None = None
    price_list: tuple[PriceOut, ...] = ()
    tax_rate: Exact


def product_out(identifier: str, tax_rate: Decimal, product: Product | None) -> ProductOut:
    """Return a product as it was sold; only its id when the catalogue does not know it any more."""
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
