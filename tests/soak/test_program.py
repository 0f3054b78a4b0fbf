"""A seed always gives the same program."""

import subprocess
import sys

from tests.soak.program import CLIENTS, SHARED_ORDERS, Again, Kind, Part, Through, own_orders, program

ALL = tuple(Part)


def test_the_same_seed_is_the_same_program() -> None:
    assert program(7, 1, ALL) == program(7, 1, ALL)


def test_another_process_makes_the_same_program_of_a_seed() -> None:
    code = "from tests.soak.program import Part, program; print(program(7, 1, tuple(Part)).digest)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own code
    assert found.stdout.strip() == program(7, 1, ALL).digest


def test_another_seed_is_another_program() -> None:
    first, second = program(7, 1, ALL), program(8, 1, ALL)
    assert first.clients != second.clients
    assert first.kills != second.kills


def test_a_longer_soak_begins_as_a_shorter_one() -> None:
    short, long = program(7, 1, ALL), program(7, 3, ALL)
    assert all(more[: len(acts)] == acts for acts, more in zip(short.clients, long.clients, strict=True))
    assert long.kills[: len(short.kills)] == short.kills


def test_every_minute_breaks_every_part_and_one_of_them_while_another_comes_back() -> None:
    for seed in range(20):
        kills = program(seed, 3, ALL).kills
        for minute in range(3):
            found = [kill for kill in kills if minute * 60 <= kill.at < minute * 60 + 60]
            assert {kill.part for kill in found} == set(Part)
            assert len(found) == len(Part) + 1


def test_a_minute_has_every_request_through_every_api_and_some_of_them_twice() -> None:
    for seed in range(20):
        acts = [act for acts in program(seed, 1, ALL).clients for act in acts]
        assert {act.kind for act in acts} == set(Kind)
        assert {act.through for act in acts} == set(Through)
        assert {act.again for act in acts} == set(Again)
        assert len({act.key for act in acts}) == len(acts)


def test_orders_are_a_clients_own_or_shared_by_all() -> None:
    clients = program(7, 3, ALL).clients
    for client, acts in enumerate(clients):
        assert {act.order for act in acts} <= {*range(SHARED_ORDERS), *own_orders(client)}
    assert len({order for client in range(CLIENTS) for order in own_orders(client)}) == CLIENTS * len(own_orders(0))
