"""`erase`: who travelled on orders that have ended, one transaction each."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Group
from sqlalchemy.exc import OperationalError, ProgrammingError

from api.services.read_order import is_number
from cli.check import NO_DATABASE
from cli.exit_codes import Code
from cli.http_clients.responses import Json
from cli.operators.output import Output
from runtime.settings import Settings
from store import erasure
from store.database.connections import BUSY
from store.database.store import LoginSeesNoRowsError, Store

MOST = 200
"""Orders looked up, or bundles erased, at a time."""
_NO_RETENTION = "CHANGEOVER_RETENTION says for ever: set it, such as P730D, or name orders."
_REFUSALS = {
    erasure.UnknownOrderError: ("ORDER_NOT_FOUND", "There is no such order."),
    erasure.NotEndedError: ("ORDER_NOT_ENDED", "The order has not ended: something is under way, or yet to be used."),
}
_STOPPED = "The store did not answer in time. Try again: what is erased stays erased."


def erase(settings: Settings, orders: Sequence[str] | None, *, as_json: bool) -> Code:
    """Erase orders by number, or those that are due; return the exit code.

    It is 1 when an order named was refused, and 2 without books or when the store stopped answering half way.
    """
    speaker = Output(as_json=as_json)
    if orders is None and settings.retention is None:
        speaker.failure({"code": "NO_RETENTION", "title": _NO_RETENTION})
        return Code.NO
    store = Store(settings.database)
    try:
        store.check()
    except LoginSeesNoRowsError as error:
        store.close()
        speaker.failure({"code": "LOGIN_SEES_NO_ROWS", "title": str(error)})
        return Code.UNKNOWN
    except (OperationalError, ProgrammingError):
        store.close()
        speaker.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        return Code.UNKNOWN
    try:
        done = _done(store, settings, orders)
    finally:
        store.close()
    speaker.answer(done, Group(*_words(done)))
    if "stopped" in done:
        return Code.UNKNOWN
    return Code.NO if orders and done["refused"] else Code.DONE


def _done(store: Store, settings: Settings, orders: Sequence[str] | None) -> Json:
    """Erase what is named, or whatever is due. A store that stops answering ends it: what was done by then is told.

    An order that something was left on is not erased; the next time finds it again.
    """
    before = store.now() - (settings.retention or timedelta())
    found: list[Json] = []
    bundles, stopped = 0, {}
    try:
        for order in orders or _orders_due(store, settings.tenant, before):
            found.append(_erased(store, settings.tenant, order))  # noqa: PERF401 - what is done is told when it stops half way
        while not orders and (some := _bundles_due(store, settings.tenant, before)):
            bundles += some
        store.checkpoint_wal()
    except (*BUSY, sqlite3.OperationalError):
        stopped = {"stopped": "STORE_BUSY"}
    return {
        "erased": [each for each in found if "code" not in each],
        "refused": [each for each in found if "code" in each],
        "bundles": bundles,
        **stopped,
    }


def _orders_due(store: Store, tenant: str, before: datetime) -> Iterator[str]:
    orders = [""]
    while orders:
        with store.read() as tx:
            orders = erasure.due(tx, tenant, before, orders[-1], MOST)
        yield from orders


def _bundles_due(store: Store, tenant: str, before: datetime) -> int:
    with store.write() as tx:
        return erasure.erase_bundles(tx, tenant, before, MOST)


def _erased(store: Store, tenant: str, order: str) -> Json:
    if not is_number(order):
        return _refused(order, erasure.UnknownOrderError)
    try:
        with store.write() as tx:
            return {"order": order, "travellers": erasure.erase(tx, tenant, order, store.now())}
    except (erasure.UnknownOrderError, erasure.NotEndedError) as error:
        return _refused(order, type(error))


def _refused(order: str, why: type[Exception]) -> Json:
    code, title = _REFUSALS[why]
    return {"order": order, "code": code, "title": title}


def _words(done: Json) -> Iterator[str]:
    for each in done["erased"]:
        travellers = each["travellers"]
        said = "was erased before" if travellers is None else f"erased, travellers: {travellers}"
        yield f"{each['order']}: {said}"
    for each in done["refused"]:
        yield f"[red]{each['order']}: {each['title']}[/red] ({each['code']})"
    if done["bundles"]:
        yield f"offer bundles nobody is in any more: {done['bundles']}"
    if "stopped" in done:
        yield f"[red]{_STOPPED}[/red] ({done['stopped']})"
    if not any(done.values()):
        yield "Nothing is due."
