"""Plans the kept lines of an expired order again: its seats are released and its prices are void (rule G3)."""

from datetime import datetime

from domain.changes import ReplacedLines
from domain.money import Money, total
from domain.orders import OrderLine
from domain.planning.builder import PlanBuilder
from domain.planning.plan import PlannedLine
from domain.planning.seat_assignment import hold_missing
from domain.planning.supplements import terms_of
from domain.products import Product, price_for
from domain.refusals import NotOffered


def renew_lines(builder: PlanBuilder, now: datetime) -> None:
    """Replace every kept line by a new one: by its offer while that stands, else at today's price, rate and terms."""
    kept = [line for line in builder.order.live_lines if line.id not in builder.removes]
    renewed = {line.id: builder.new_line_id() for line in kept}
    for line in kept:
        builder.remove((line,))
        builder.add((_renewed(builder, line, renewed, now),))
        builder.replaced.append(ReplacedLines(originals=(line.id,), replacements=(renewed[line.id],)))
    for planned in [each for each in builder.adds.values() if each.supplement_of in renewed]:
        builder.update(planned, supplement_of=renewed[planned.supplement_of or ""])
    lines = [builder.adds[each] for each in renewed.values() if not builder.adds[each].supplement_of]
    hold_missing(builder, lines, {line.id: {} for line in lines})


def _renewed(builder: PlanBuilder, line: OrderLine, renewed: dict[str, str], now: datetime) -> PlannedLine:
    names = set(PlannedLine.model_fields) & set(OrderLine.model_fields)
    sold = {name: getattr(line, name) for name in names}
    bundle = builder.catalogue.bundles.get(line.offer_bundle or "")
    if bundle is None or bundle.expired(now):
        sold |= _of_today(builder, line)
    new = {"id": renewed[line.id], "sale": renewed[line.id], "replaces": (line.id,)}
    return PlannedLine(**sold | new)


def _of_today(builder: PlanBuilder, line: OrderLine) -> dict[str, object]:
    """Return today's price, rate and terms; note NotOffered, with the line, where the catalogue has none."""
    if line.supplement_of:
        supplement = builder.catalogue.supplements.get(line.product)
        if supplement and not supplement.withdrawn:
            return {"price": supplement.price, "tax_rate": supplement.tax_rate, "terms": terms_of(supplement)}
    else:
        product = builder.catalogue.products.get(line.product)
        price = _price_of_today(builder, line, product) if product and not product.withdrawn else None
        if product and price:
            return {"price": price, "tax_rate": product.tax_rate, "terms": product.sale_terms}
    builder.product_refusals.append(NotOffered({"line": line.id, "product": line.product}))
    return {}


def _price_of_today(builder: PlanBuilder, line: OrderLine, product: Product) -> Money | None:
    birth_dates = [builder.traveller(each).birth_date for each in line.travellers]
    if product.group:
        return product.prices[0].price
    prices = [price_for(product, birth, line.first_day) if birth else None for birth in birth_dates]
    known = [price for price in prices if price is not None]
    return total(known, builder.order.currency) if len(known) == len(prices) else None
