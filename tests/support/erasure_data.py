"""Travellers of a single order, to be erased: their personal data, and the tables that hold it."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta

from sqlmodel import Session, SQLModel, col, or_, select

from store.database.store import Store
from store.tables import BundleRow, ChangeRow, LineRow, OrderRow
from tests.support.canary import BORN, BORN_CHILD, FAMILY, GIVEN
from tests.support.world import CARD, Json, World

REFERENCE = {"id": "ref"}


@dataclass(frozen=True)
class Person:
    """A traveller with every personal detail that an order may hold; each detail contains the unique marker."""

    marker: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def details(self) -> Json:
        """All personal details, as a client sends them."""
        return {
            "id": f"trav-gul-{self.marker}",
            "given_name": f"{GIVEN} {self.marker}",
            "family_name": f"{FAMILY} {self.marker}",
            "birth_date": BORN.isoformat(),
            "salutation": "other",
            "gender": "diverse",
            "nationality": "ISL",
            "passport": f"Gulfugl {self.marker}",
        }

    def add_lines(self, bundle: str) -> Json:
        """Return the operation that adds a bundle for this traveller, with every member that may be personal."""
        return {
            "op": "add_lines",
            "offer_bundle_id": bundle,
            "traveller_ids": [self.details["id"]],
            "travellers": [self.details],
            "external_reference": f"Gulfugl {self.marker}",
            "customers": [{"id": f"C-{self.marker}", "entitlements": [{"product": REFERENCE}]}],
            "distribution": {"customer_account": {"id": f"A-{self.marker}"}},
        }


async def sell_to(world: World, person: Person, key: str | None = None) -> str:
    """Sell and confirm an order to a person; afterwards one change is refused and one draft is discarded."""
    body = {"currency": "NOK", "external_reference": f"my {person.marker}"}
    order = str((await world.post("/v1/orders", body)).body["number"])
    travellers = [{"id": person.details["id"], "birth_date": person.details["birth_date"]}]
    query = {"product": "standard", "travellers": travellers, "service": world.train()}
    (bundle,) = (await world.post("/v1/offers", query)).body["offer_bundles"]
    token = {**CARD, "token": f"tok_{person.marker}"}
    sold = await world.change(order, person.add_lines(bundle["id"]), key=key, confirm=True, payment=token)
    assert sold.status == 200, sold.body
    other = {**person.add_lines(bundle["id"]), "supplements": [{"supplement": "nothing-like-it"}]}
    assert (await world.change(order, other)).status == 409
    frozen = {**person.details, "birth_date": BORN_CHILD.isoformat()}
    warned = await world.change(order, {"op": "set_travellers", "travellers": [frozen]})
    assert warned.status == 200, warned.body
    assert (await world.discard(order)).status == 200
    await world.wait_for_end(order)
    return order


def backdate_order(store: Store, order: str, ago: timedelta = timedelta(days=60)) -> None:
    """Move an order, its journey and its offer bundles into the past by `ago`."""
    with store.write() as tx:
        tx.get_one(OrderRow, order).created_at -= ago
        for change in tx.exec(select(ChangeRow).where(ChangeRow.order_number == order)):
            change.created_at -= ago
            change.finished_at = change.finished_at and change.finished_at - ago
        lines = tx.exec(select(LineRow).where(LineRow.order_number == order)).all()
        for line in lines:
            line.valid_from -= ago
        named = {line.offer_bundle for line in lines}
        taken = or_(col(BundleRow.id).in_(named), col(BundleRow.order_number) == order)
        for bundle in tx.exec(select(BundleRow).where(taken)):
            bundle.expires_at -= ago


def tables_containing(store: Store, text: str) -> set[str]:
    """Return the names of the tables that contain a text in any column."""
    with store.read() as tx:
        return {name for name in SQLModel.metadata.tables if _contains(tx, name, text)}


def _contains(tx: Session, table: str, text: str) -> bool:
    if table == "sample":
        return False
    rows = tx.connection().execute(SQLModel.metadata.tables[table].select())
    return any(text in str(value) for row in rows for value in row)
