"""Proves the DBOS app, then measures ours and it by turns, each repeat on servers started afresh."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from bench.changes.runs import benching
from bench.load import Run
from bench.peers.asking import Pair
from bench.peers.peer import Peer
from bench.peers.proof import Proof, prove
from bench.peers.result import PeersResult
from bench.rig import Rig, rig
from bench.workload import client_of
from tests.support.postgres import new_database, postgres

COUNTS: Mapping[int, int] = {1: 20, 32: 96}
"""How many changes are asked for by so many callers."""


def measure(repeats: int = 5, counts: Mapping[int, int] = COUNTS) -> PeersResult:
    """Prove and measure; AssertionError, and nothing measured, when the DBOS app is not correct."""
    proof = proved()
    runs: list[Run] = []
    for repeat in range(1, repeats + 1):
        with rig("postgres") as started, _peer(started) as peer:
            runs += asyncio.run(_measured(started, peer, repeat, counts))
            started.check()
    return PeersResult(proof, runs)


def proved() -> Proof:
    """Check the DBOS app on a server of its own."""
    with postgres() as bank, _running(Peer(new_database(bank.url, "peer"), bank.log.parent.parent)) as peer:
        return prove(peer)


@contextmanager
def _peer(started: Rig) -> Iterator[Peer]:
    if started.bank is None:
        raise LookupError("both are measured on one PostgreSQL server")
    with _running(Peer(new_database(started.bank.url, "peer"), started.data)) as peer:
        yield peer


@contextmanager
def _running(peer: Peer) -> Iterator[Peer]:
    peer.prepare()
    peer.start()
    try:
        yield peer
    finally:
        peer.app.stop()


async def _measured(started: Rig, peer: Peer, repeat: int, counts: Mapping[int, int]) -> list[Run]:
    beside = replace(started, bare=peer.app)
    async with benching(beside, repeat, counts) as bench, client_of(peer.url) as http:
        pair = Pair(bench, peer, http)
        return [run for callers in counts for run in await pair.all(callers)]
