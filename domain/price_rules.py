"""The rules of a product's price rows and group size; each fault is a pointer within the product, and a text."""

from collections.abc import Iterator

from domain.products import PriceRow, Product

Faults = Iterator[tuple[str, str]]


def price_row_faults(product: Product) -> Faults:
    """Yield the faults of a product's price rows, their amounts excepted."""
    if not product.prices:
        yield "/prices", "must have at least one price"
    for number, row in enumerate(product.prices):
        if row.min_age > row.max_age:
            yield f"/prices/{number}/min_age", "must not be above max_age"
    if product.group:
        yield from _group_faults(product)
    else:
        yield from _shared_ends(product.prices)
        yield from _gaps(product.prices)


def group_size_faults(product: Product) -> Faults:
    """Yield the faults of a group's size."""
    if product.group and product.group.smallest < 1:
        yield "/group/smallest", "must be at least 1"
    if product.group and product.group.smallest > product.group.largest:
        yield "/group/smallest", "must not be above largest"


def may_accompany(row: PriceRow) -> bool:
    """Whether a traveller of this row may accompany others."""
    return not row.accompanied and row.accompanies > 0


def _group_faults(product: Product) -> Faults:
    """Yield what contradicts that a group has one price for all of its travellers, whatever their ages."""
    if len(product.prices) > 1:
        yield "/prices", "must be one price: a group product has one for all of its travellers"
    for number, row in enumerate(product.prices):
        for mark, default in (("seat", True), ("accompanied", False), ("accompanies", 1)):
            if getattr(row, mark) != default:
                yield f"/prices/{number}/{mark}", "has no effect in a group product"


def _shared_ends(rows: tuple[PriceRow, ...]) -> Faults:
    """Yield rows that end at the same age: of two that contain an age, the one with the lower maximum applies."""
    for number, row in enumerate(rows):
        if row.min_age <= row.max_age and row.max_age in [each.max_age for each in rows[:number]]:
            yield f"/prices/{number}/max_age", "is also that of an earlier row, so that one age would have two prices"


def _gaps(rows: tuple[PriceRow, ...]) -> Faults:
    """Yield rows that begin later than a year after others end; below the first and above the last, nothing is sold."""
    by_age = sorted((row.min_age, row.max_age, number) for number, row in enumerate(rows) if row.min_age <= row.max_age)
    priced = by_age[0][1] if by_age else 0
    for youngest, oldest, number in by_age:
        if youngest > priced + 1:
            missing = f"{priced + 1}" if youngest == priced + 2 else f"{priced + 1} to {youngest - 1}"
            yield f"/prices/{number}/min_age", f"leaves age {missing} without a price"
        priced = max(priced, oldest)
