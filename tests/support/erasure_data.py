"""People of one order only, to be erased: everything they told, and where in the store it is."""

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
    """Somebody with everything an order may hold of a person, found nowhere else."""

    marker: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def details(self) -> Json:
        """All of it, as it is sent."""
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
        """Return the operation that takes a bundle for them, in full."""
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
    """Sell and confirm an order to somebody; one change of it is refused, one made nothing."""
    body = {"currency": "NOK", "external_reference": f"my {person.marker}"}
    order = str((await world.post("/v1/orders", body)).body["number"])
    who = [{"id": person.details["id"], "birth_date": person.details["birth_date"]}]
    wanted = {"product": "standard", "travellers": who, "service": world.train()}
    (bundle,) = (await world.post("/v1/offers", wanted)).body["offer_bundles"]
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
    """Let an order, its journey and the bundles it took have been that long ago."""
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


def tables_containing(store: Store, mark: str) -> set[str]:
    """Return the tables in which some text is anywhere."""
    with store.read() as tx:
        return {name for name in SQLModel.metadata.tables if _found(tx, name, mark)}


def _found(tx: Session, table: str, mark: str) -> bool:
    if table == "tried":
        return False
    rows = tx.connection().execute(SQLModel.metadata.tables[table].select())
    return any(mark in str(value) for row in rows for value in row)
