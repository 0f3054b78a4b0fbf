"""Proves the DBOS app correct before it is measured: every change has all its effects exactly once, or none.

The cases: done; refused at the settlement; and both with the app killed within every step, at the two worst moments,
and started again. The proof reads the tables, and the book of an external bank, not the app's answers.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import httpx2

from bench.peers.bank import find_errors_at_bank
from bench.peers.client import Peer, change_request
from bench.peers.saga import DONE_STEPS, UNDO_STEPS
from bench.peers.tables import DIFFERENCE_MINOR, OK, REFUSED, STANDARD_MINOR, Tx
from cli.demo_bank import connect

_PIVOT = "settle_price_difference"
UNDONE = (*DONE_STEPS[: DONE_STEPS.index(_PIVOT)], *UNDO_STEPS)
"""The steps that leave a record when the settlement is refused."""

_FACTS = {
    "order": "SELECT status, version, confirmed_version, draft_opened_by, expires_at IS NULL FROM orders"
    " WHERE number = %(order)s",
    "lines": "SELECT id, product FROM order_lines WHERE order_number = %(order)s AND removed_by IS NULL AND NOT undone",
    "seats": "SELECT key, state FROM seat_holds WHERE order_number = %(order)s",
    "money": "SELECT sum(captured_minor), bool_or(open) FROM payments WHERE order_number = %(order)s",
    "ledger": "SELECT kind, amount_minor FROM ledger WHERE order_number = %(order)s ORDER BY at, kind",
    "events": "SELECT number, type FROM events WHERE order_number = %(order)s ORDER BY number",
    "steps": "SELECT step FROM effects WHERE change = %(change)s ORDER BY at, key",
    "outcome": "SELECT state, code, finished_at IS NOT NULL FROM changes WHERE order_number = %(order)s",
    "workflow": "SELECT status FROM dbos.workflow_status WHERE workflow_uuid = %(change)s",
}


def find_errors(tx: Tx, order: str, token: str) -> list[str]:
    """Return every fact of an order that is not as its change should have left it."""
    values = {"order": order, "change": str(change_request(order)["id"])}
    expected = _expected(order, values["change"], done=token == OK)
    found = {name: tx.execute(query, values).fetchall() for name, query in _FACTS.items()}
    return [f"{order} {name}: {found[name]}, not {expected[name]}" for name in _FACTS if found[name] != expected[name]]


def _expected(order: str, change: str, *, done: bool) -> dict[str, list[tuple[object, ...]]]:
    sold: list[tuple[object, ...]] = [("capture", STANDARD_MINOR), ("authorise", DIFFERENCE_MINOR)]
    if not done:
        return {
            "order": [("confirmed", 1, 1, None, True)],
            "lines": [(f"{order}-1", "standard")],
            "seats": [(f"{order}/sale", "confirmed")],
            "money": [(STANDARD_MINOR, False)],
            "ledger": [*sold, ("void", DIFFERENCE_MINOR)],
            "events": _numbered("order_confirmed", "order_changed", "change_undone"),
            "steps": [(step,) for step in UNDONE],
            "outcome": [("refused", "PAYMENT_REFUSED", True)],
            "workflow": [("SUCCESS",)],
        }
    return {
        "order": [("confirmed", 2, 2, None, True)],
        "lines": [(f"{order}-2", "flexible")],
        "seats": [(change, "confirmed")],
        "money": [(STANDARD_MINOR + DIFFERENCE_MINOR, False)],
        "ledger": [*sold, ("capture", DIFFERENCE_MINOR)],
        "events": _numbered(
            "order_confirmed", "order_changed", "payment_captured", "seats_confirmed", "order_confirmed"
        ),
        "steps": [(step,) for step in DONE_STEPS],
        "outcome": [("done", None, True)],
        "workflow": [("SUCCESS",)],
    }


def _numbered(*types: str) -> list[tuple[object, ...]]:
    return list(enumerate(types, start=1))


_LOCK = 4711
_SECONDS = 60.0


class Moment(StrEnum):
    """The moment within a step: the table whose insert is stopped."""

    BEFORE_COMMIT = "effects"
    BEFORE_RECORD = "dbos.operation_outputs"


_TRIGGERS = f"""
CREATE TABLE stops (change text, step text, PRIMARY KEY (change, step));
CREATE FUNCTION stop_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM public.stops WHERE change = NEW.change AND step = NEW.step) THEN
        PERFORM pg_advisory_xact_lock({_LOCK});
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION stop_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM public.stops WHERE change = NEW.workflow_uuid AND step = NEW.function_name) THEN
        PERFORM pg_advisory_xact_lock({_LOCK});
    END IF;
    RETURN NEW;
END $$;
"""  # noqa: S608 - a number of our own
_ARM = {
    Moment.BEFORE_COMMIT: "CREATE TRIGGER stop BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION stop_step()",
    Moment.BEFORE_RECORD: "CREATE TRIGGER stop BEFORE INSERT ON dbos.operation_outputs FOR EACH ROW "
    "EXECUTE FUNCTION stop_record()",
}
_STOPPED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def kill_within_steps(peer: Peer, moment: Moment, steps: Mapping[str, str], send: Callable[[], None]) -> None:
    """Send changes, stop each at its step, kill the app when all are stopped, and start it again.

    `steps` has the step at which each change is stopped. The triggers are dropped before the app starts again.
    """
    with peer.connect() as tx:
        tx.execute(_TRIGGERS)
        tx.cursor().executemany("INSERT INTO stops VALUES (%s, %s)", list(steps.items()))
        tx.execute(_ARM[moment])
    with peer.connect() as holder, peer.connect() as watcher:
        watcher.autocommit = True
        holder.execute(f"SELECT pg_advisory_lock({_LOCK})")
        send()
        _wait_for(watcher, _STOPPED, len(steps))
        peer.app.kill()
        holder.close()
        # PostgreSQL notices that a client has gone when it next sends to it, and then rolls back its transaction.
        _wait_for(watcher, _OTHERS, 0)
        watcher.execute(f"DROP TRIGGER stop ON {moment}")
        watcher.execute("DROP TABLE stops; DROP FUNCTION stop_step; DROP FUNCTION stop_record")
    peer.start()


def _wait_for(tx: Tx, query: str, count: int) -> None:
    give_up = time.monotonic() + _SECONDS
    while (found := (tx.execute(query).fetchone() or (0,))[0]) != count:
        if time.monotonic() > give_up:
            raise AssertionError(f"{found} instead of {count} after {_SECONDS:.0f} s: {' '.join(query.split())}")
        time.sleep(0.05)


def _cases(moment: Moment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the steps to kill within. A refusal has a record, but nothing to commit before it."""
    yield OK, DONE_STEPS
    yield REFUSED, UNDO_STEPS if moment is Moment.BEFORE_COMMIT else (_PIVOT, *UNDO_STEPS)


@dataclass(frozen=True)
class Proof:
    """The result of a proof that found no error."""

    changes: int
    """Changes that ended done or undone, exactly once."""
    killed: int
    """Those of them that were within a step when the app was killed."""
    seconds: float


def prove(peer: Peer) -> Proof:
    """Prove a started app correct. Raises AssertionError with the first errors if it is not."""
    began = time.monotonic()
    undisturbed = [(order, token) for token in (OK, REFUSED) for order in peer.sell(4)]
    for answer, (_, token) in zip(_send_all(peer, undisturbed), undisturbed, strict=True):
        _check_equal(answer, {"state": "done", "code": None} if token == OK else _REFUSAL)
    _check(peer, undisturbed)
    stopped = [each for moment in Moment for each in _killed(peer, moment)]
    # A retry of each request is answered from its recorded outcome and has no further effect.
    _send_all(peer, [*undisturbed, *stopped])
    _check(peer, [*undisturbed, *stopped])
    return Proof(len(undisturbed) + len(stopped), len(stopped), time.monotonic() - began)


_REFUSAL = {"state": "refused", "code": "PAYMENT_REFUSED"}


def _killed(peer: Peer, moment: Moment) -> list[tuple[str, str]]:
    requests, steps = list[tuple[str, str]](), dict[str, str]()
    for token, where in _cases(moment):
        for order, step in zip(peer.sell(len(where)), where, strict=True):
            requests.append((order, token))
            steps[str(change_request(order)["id"])] = step
    with ThreadPoolExecutor(len(requests)) as threads:
        kill_within_steps(peer, moment, steps, lambda: _start(threads, peer, requests))
    _wait_until_ended(peer, list(steps))
    _check(peer, requests)
    return requests


def _start(threads: ThreadPoolExecutor, peer: Peer, requests: Iterable[tuple[str, str]]) -> None:
    for order, token in requests:
        threads.submit(partial(_send, peer, order, token))


def _wait_until_ended(peer: Peer, changes: Sequence[str]) -> None:
    """Wait until the app has resumed all changes by itself and ended them."""
    give_up = time.monotonic() + _SECONDS
    query = (
        "SELECT count(*) FROM dbos.workflow_status WHERE workflow_uuid = ANY(%s) AND status = 'SUCCESS'"
        " AND recovery_attempts > 1"
    )
    with peer.connect() as tx:
        tx.autocommit = True
        while (ended := (tx.execute(query, (changes,)).fetchone() or (0,))[0]) != len(changes):
            if time.monotonic() > give_up:
                raise AssertionError(f"{ended} of {len(changes)} killed changes ended in {_SECONDS:.0f} s")
            time.sleep(0.1)


def _check(peer: Peer, requests: Sequence[tuple[str, str]]) -> None:
    with peer.connect() as tx:
        found = [text for order, token in requests for text in find_errors(tx, order, token)]
    if peer.bank:
        found += _errors_at_bank(peer.bank, requests)
    if found:
        raise AssertionError(f"{len(found)} facts are wrong: {found[:3]}")


def _errors_at_bank(address: str, requests: Iterable[tuple[str, str]]) -> list[str]:
    with closing(connect(address)) as bank:
        changes = [(str(change_request(order)["id"]), token) for order, token in requests]
        return [text for change, token in changes for text in find_errors_at_bank(bank, change, token)]


def _send_all(peer: Peer, requests: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda each: _send(peer, *each), requests))


def _send(peer: Peer, order: str, token: str) -> dict[str, object]:
    answer = httpx2.post(f"{peer.url}/changes", json=change_request(order, token), timeout=_SECONDS)
    answer.raise_for_status()
    return {name: value for name, value in answer.json().items() if name != "change"}


def _check_equal(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found}, not {expected}")
