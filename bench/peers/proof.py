"""The check before anything is measured: every change has all its effects exactly once, or none.

Happy; refused at the settlement; and both with the app killed in the middle of every step, at the two worst
moments, and started again. What is looked at are the books themselves, not what the app says of them.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import httpx2

from bench.peers.facts import wrong
from bench.peers.peer import Peer, request
from bench.peers.saga import HAPPY, UNDOING
from bench.peers.stops import Moment, kill_in_the_middle
from bench.peers.tables import OK, REFUSED

_CASES = ((OK, HAPPY), (REFUSED, UNDOING))
_SECONDS = 60.0


@dataclass(frozen=True)
class Proof:
    """What was checked."""

    changes: int
    """How many ended done or undone, exactly once."""
    killed: int
    """How many of them were in the middle of a step when the app was killed."""
    seconds: float


def prove(peer: Peer) -> Proof:
    """Check a started app; AssertionError says what is wrong."""
    began = time.monotonic()
    quiet = [(order, token) for token in (OK, REFUSED) for order in peer.sell(4)]
    for answer, (_, token) in zip(_ask_all(peer, quiet), quiet, strict=True):
        _same(answer, {"state": "done", "code": None} if token == OK else _REFUSAL)
    _check(peer, quiet)
    stopped = [each for moment in Moment for each in _killed(peer, moment)]
    # Asked again, each is answered from what it has become, and nothing more happens.
    _ask_all(peer, [*quiet, *stopped])
    _check(peer, [*quiet, *stopped])
    return Proof(len(quiet) + len(stopped), len(stopped), time.monotonic() - began)


_REFUSAL = {"state": "refused", "code": "PAYMENT_REFUSED"}


def _killed(peer: Peer, moment: Moment) -> list[tuple[str, str]]:
    asked, steps = list[tuple[str, str]](), dict[str, str]()
    for token, where in _CASES:
        for order, step in zip(peer.sell(len(where)), where, strict=True):
            asked.append((order, token))
            steps[str(request(order)["id"])] = step
    with ThreadPoolExecutor(len(asked)) as threads:
        kill_in_the_middle(peer, moment, steps, lambda: _start(threads, peer, asked))
    _ended(peer, list(steps))
    _check(peer, asked)
    return asked


def _start(threads: ThreadPoolExecutor, peer: Peer, asked: Iterable[tuple[str, str]]) -> None:
    for order, token in asked:
        threads.submit(partial(_ask, peer, order, token))


def _ended(peer: Peer, changes: Sequence[str]) -> None:
    """Wait until the app has taken all up again by itself and brought them to an end."""
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


def _check(peer: Peer, asked: Iterable[tuple[str, str]]) -> None:
    with peer.connect() as tx:
        found = [text for order, token in asked for text in wrong(tx, order, token)]
    if found:
        raise AssertionError(f"{len(found)} facts are wrong: {found[:3]}")


def _ask_all(peer: Peer, asked: Sequence[tuple[str, str]]) -> list[dict[str, object]]:
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda each: _ask(peer, *each), asked))


def _ask(peer: Peer, order: str, token: str) -> dict[str, object]:
    answer = httpx2.post(f"{peer.url}/changes", json=request(order, token), timeout=_SECONDS)
    answer.raise_for_status()
    return {name: value for name, value in answer.json().items() if name != "change"}


def _same(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found}, not {expected}")
