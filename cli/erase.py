"""`erase`: erases personal data from orders that have ended, in one transaction for each order."""

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

BATCH = 200
"""Orders read, or bundles erased, in one transaction."""
_NO_RETENTION = (
    "CHANGEOVER_RETENTION is not set, so personal data never expires: set it, such as P730D, or give order numbers."
)
_REFUSALS = {
    erasure.UnknownOrderError: ("ORDER_NOT_FOUND", "There is no such order."),
    erasure.NotEndedError: (
        "ORDER_NOT_ENDED",
        "The order has not ended: a request is running, or a line can still be used.",
    ),
}
_STOPPED = "The database did not answer in time. Run the command again: erased orders stay erased."


def erase(settings: Settings, orders: Sequence[str] | None, *, as_json: bool) -> Code:
    """Erase the given orders, or all that are due; return the exit code.

    It is 1 if a given order is refused, and 2 if there is no database or it stops answering.
    """
    output = Output(as_json=as_json)
    if orders is None and settings.retention is None:
        output.failure({"code": "NO_RETENTION", "title": _NO_RETENTION})
        return Code.NO
    store = Store(settings.database)
    try:
        store.check()
    except LoginSeesNoRowsError as error:
        store.close()
        output.failure({"code": "LOGIN_SEES_NO_ROWS", "title": str(error)})
        return Code.UNKNOWN
    except (OperationalError, ProgrammingError):
        store.close()
        output.failure({"code": "NO_DATABASE", "title": NO_DATABASE})
        return Code.UNKNOWN
    try:
        result = _erase_all(store, settings, orders)
    finally:
        store.close()
    output.answer(result, Group(*_lines(result)))
    if "stopped" in result:
        return Code.UNKNOWN
    return Code.NO if orders and result["refused"] else Code.DONE


def _erase_all(store: Store, settings: Settings, orders: Sequence[str] | None) -> Json:
    """Erase the given orders, or all that are due. If the database stops answering, return what is done so far.

    An order with unsettled items is not erased; the next run finds it again.
    """
    before = store.now() - (settings.retention or timedelta())
    results: list[Json] = []
    bundles, stopped = 0, {}
    try:
        for order in orders or _orders_due(store, settings.tenant, before):
            results.append(_erase_order(store, settings.tenant, order))  # noqa: PERF401 - kept when the database stops answering
        while not orders and (erased := _erase_bundles(store, settings.tenant, before)):
            bundles += erased
        store.checkpoint_wal()
    except (*BUSY, sqlite3.OperationalError):
        stopped = {"stopped": "STORE_BUSY"}
    return {
        "erased": [each for each in results if "code" not in each],
        "refused": [each for each in results if "code" in each],
        "bundles": bundles,
        **stopped,
    }


def _orders_due(store: Store, tenant: str, before: datetime) -> Iterator[str]:
    orders = [""]
    while orders:
        with store.read() as tx:
            orders = erasure.find_due(tx, tenant, before, orders[-1], BATCH)
        yield from orders


def _erase_bundles(store: Store, tenant: str, before: datetime) -> int:
    with store.write() as tx:
        return erasure.erase_bundles(tx, tenant, before, BATCH)


def _erase_order(store: Store, tenant: str, order: str) -> Json:
    if not is_number(order):
        return _refused(order, erasure.UnknownOrderError)
    try:
        with store.write() as tx:
            return {"order": order, "travellers": erasure.erase(tx, tenant, order, store.now())}
    except (erasure.UnknownOrderError, erasure.NotEndedError) as error:
        return _refused(order, type(error))


def _refused(order: str, reason: type[Exception]) -> Json:
    code, title = _REFUSALS[reason]
    return {"order": order, "code": code, "title": title}


def _lines(result: Json) -> Iterator[str]:
    for each in result["erased"]:
        travellers = each["travellers"]
        text = "was erased before" if travellers is None else f"erased, travellers: {travellers}"
        yield f"{each['order']}: {text}"
    for each in result["refused"]:
        yield f"[red]{each['order']}: {each['title']}[/red] ({each['code']})"
    if result["bundles"]:
        yield f"offer bundles erased: {result['bundles']}"
    if "stopped" in result:
        yield f"[red]{_STOPPED}[/red] ({result['stopped']})"
    if not any(result.values()):
        yield "Nothing is due."
