"""Controls the emulator: what time it is, what breaks, and what happens outside of the API."""

import copy
from collections.abc import Callable
from typing import Any

from tests.stripe.emulator import attempts, charges, refunds
from tests.stripe.emulator.account import Account
from tests.stripe.emulator.events import deliver
from tests.stripe.emulator.faults import Fault
from tests.stripe.emulator.service import Service
from tests.stripe.emulator.settings import Settings

PREFIX = "/_emulator/"


def run(service: Service, command: str, values: dict[str, Any]) -> Any:
    """Run a command; KeyError if there is none of the name."""
    if command in _SERVICE:
        with service.lock:
            return _SERVICE[command](service, values)
    account = service.accounts[values.pop("key", service.settings.keys[0])]
    if command == "deliver":
        return deliver(account, values, service.lock)
    with service.lock:
        account.request_id = account.idempotency_key = None
        return _ACCOUNT[command](account, values)


def _reset(service: Service, values: dict[str, Any]) -> None:
    _release(service, {})
    service.clock.now = values.pop("now", service.clock.now)
    service.reset(Settings.read(values))


def _move_clock(service: Service, values: dict[str, Any]) -> int:
    service.clock.now = values.get("now", service.clock.now) + values.get("advance", 0)
    service.catch_up()
    return service.clock.now


def _release(service: Service, _: dict[str, Any]) -> None:
    for fault in service.faults:
        fault.released.set()


def _heal(service: Service, _: dict[str, Any]) -> None:
    _release(service, {})
    service.faults.clear()


def _settle_refund(account: Account, values: dict[str, Any]) -> None:
    settle = {"succeeded": refunds.succeed, "failed": refunds.fail}[values["status"]]
    settle(account, values["refund"])


def _back_up(account: Account, _: dict[str, Any]) -> None:
    account.backup = copy.deepcopy(account.book)


def _restore(account: Account, _: dict[str, Any]) -> None:
    if account.backup is None:
        raise KeyError("backup")
    account.book = copy.deepcopy(account.backup)


_SERVICE: dict[str, Callable[[Service, dict[str, Any]], Any]] = {
    "reset": _reset,
    "clock": _move_clock,
    "fault": lambda service, values: service.faults.append(Fault.read(values)),
    "heal": _heal,
    "release": _release,
    "held": lambda service, _: service.held,
    "requests": lambda service, _: service.log,
}
_ACCOUNT: dict[str, Callable[[Account, dict[str, Any]], Any]] = {
    "authenticate": lambda account, values: attempts.authenticate(
        account, values["intent"], succeeds=values["succeeds"]
    ),
    "refund": _settle_refund,
    "dispute": lambda account, values: charges.dispute(account, values["charge"]),
    "close_dispute": lambda account, values: charges.close_dispute(account, values["dispute"], values["status"]),
    "backup": _back_up,
    "restore": _restore,
    "book": lambda account, _: [each for each in account.book.objects.values() if each["object"] != "event"],
}
