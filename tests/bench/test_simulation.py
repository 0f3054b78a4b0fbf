"""The simulation does what queueing theory says where theory can say it, and keeps the laws of the real queues."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.simulation import formulas, study
from bench.simulation.engine import Clock, Station, percentile
from bench.simulation.inputs import HISTORY, PROVIDER, RESOURCES, WORKER, Inputs
from bench.simulation.model import crowd, simulate

CUSTOMERS = 100_000
SHOP = Inputs(api_ms=2, worker_ms=50, history_ms=20, postgres_ms=10, provider_ms=100)
ONLY_WORKER = Inputs(api_ms=0, worker_ms=100, history_ms=0, postgres_ms=0, provider_ms=0, steps=1, orders=10**9)


def queue(servers: int, load: float, seed: int = 7, customers: int = CUSTOMERS) -> tuple[Station, float, float]:
    """One station with mean service of a second; return it with the rate and when it was empty again."""
    clock, rate = Clock(seed), load * servers
    station, came = Station(clock, servers), 0.0
    for _ in range(customers):
        came += clock.about(1 / rate)
        clock.after(came, lambda: station.serve(clock.about(1.0), lambda: None))
    clock.run()
    return station, rate, clock.now


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.7), (2, 0.7), (10, 0.8)])
def test_a_station_waits_as_erlang_says_within_ten_percent(servers: int, load: float) -> None:
    """So many customers cannot tell it better: ten seeds scatter by 2.5 % (one server) to 7.4 % (ten), around it."""
    station, rate, ended = queue(servers, load)
    assert sum(station.waits) / CUSTOMERS == pytest.approx(formulas.mean_wait(servers, rate, 1.0), rel=0.1)
    assert percentile(station.waits, 0.99) == pytest.approx(formulas.wait_of(0.99, servers, rate, 1.0), rel=0.1)
    must_wait = sum(wait > 0 for wait in station.waits) / CUSTOMERS
    assert must_wait == pytest.approx(formulas.erlang_c(servers, rate), rel=0.05)
    assert station.busy / ended / servers == pytest.approx(load, rel=0.02)


def test_one_server_is_the_formula_everybody_knows() -> None:
    assert formulas.erlang_c(1, 0.7) == pytest.approx(0.7)
    assert formulas.mean_wait(1, 0.7, 1.0) == pytest.approx(0.7 / 0.3)
    # From Erlang's tables: two servers, one erlang.
    assert formulas.erlang_c(2, 1.0) == pytest.approx(1 / 3)


@pytest.mark.parametrize("servers", [1, 4])
def test_littles_law(servers: int) -> None:
    """Those present on average are those who come a second, times how long each stays: true to the last digit."""
    customers = 10_000
    station, _, ended = queue(servers, 0.8, customers=customers)
    stayed = sum(station.waits) + station.busy
    assert station.present / ended == pytest.approx((customers / ended) * (stayed / customers), rel=1e-9)


def test_the_whole_model_with_one_resource_is_that_queue() -> None:
    outcome = simulate(ONLY_WORKER, 7.0, 40_000)
    assert outcome.p99_wait == pytest.approx(formulas.wait_of(0.99, 1, 7.0, 0.1), rel=0.1)
    assert outcome.used[WORKER] == pytest.approx(0.7, rel=0.03)
    assert outcome.throughput == pytest.approx(7.0, rel=0.03)


@pytest.mark.parametrize("load", [0.6, 1.0, 2.0])
def test_an_orders_queue_turns_away_as_a_queue_of_seven_places_does(load: float) -> None:
    """Without patience and without asking again it is M/M/1/7: one served, six waiting."""
    one = replace(ONLY_WORKER, hot_share=1.0, longest_wait_s=1e9, ask_again_s=0.0)
    found = simulate(one, 10 * load, 20_000).refused
    assert found == pytest.approx(formulas.turned_away(7, 10 * load, 0.1), rel=0.05, abs=0.003)


def test_the_same_seed_gives_the_same_course_and_another_one_another() -> None:
    assert simulate(SHOP, 10.0, 500) == simulate(SHOP, 10.0, 500)
    assert simulate(SHOP, 10.0, 500) != simulate(SHOP, 10.0, 500, seed=2)


@pytest.mark.parametrize("rate", [1.0, 60.0])
@pytest.mark.parametrize("hot_share", [0.0, 0.3, 1.0])
def test_whatever_comes_ends_and_no_more_wait_than_may(rate: float, hot_share: float) -> None:
    outcome = simulate(replace(SHOP, hot_share=hot_share, orders=50), rate, 1000)
    assert outcome.ended == outcome.asked == 1000
    assert outcome.most_waiting <= SHOP.most_waiting
    assert all(0 <= used <= 1.01 for used in outcome.used.values())


def test_nobody_is_refused_where_nobody_shares_an_order() -> None:
    assert simulate(replace(SHOP, orders=10**9), 15.0, 2000).refused == 0


def test_the_hotter_an_order_the_more_get_no_turn() -> None:
    refused = [outcome.refused for _, outcome in study.hot(SHOP, 2000)]
    assert refused == sorted(refused)
    assert refused[0] == 0
    assert refused[-1] == pytest.approx(1 - 1 / study.HOT_RATES[-1], abs=0.05)


def test_the_busiest_resource_is_the_capacity() -> None:
    """Reached within a tenth: with a crowd the busiest never rests."""
    assert SHOP.busiest() == WORKER
    assert crowd(SHOP, 64, 3000) == pytest.approx(SHOP.capacity(), rel=0.1)


def test_doubling_what_is_full_helps_and_doubling_anything_else_does_not() -> None:
    found = {each.resource: each.throughput for each in study.doubled(SHOP, 1000)}
    assert found[WORKER] == pytest.approx(2 * found[""], rel=0.1)
    for resource in set(RESOURCES) - {WORKER}:
        assert found[resource] == pytest.approx(found[""], rel=0.1)


def test_slots_of_a_slow_provider_are_a_capacity_too() -> None:
    slow = replace(SHOP, provider_ms=2000, provider_slots=4)
    assert slow.busiest() == PROVIDER
    assert crowd(slow, 64, 2000) == pytest.approx(2.0, rel=0.1)
    assert crowd(slow.grown(PROVIDER, 2), 64, 2000) == pytest.approx(4.0, rel=0.1)


def test_shards_do_not_share_work() -> None:
    """An order has its shard: two shards carry less than one twice as fast would, more than one alone."""
    bound = replace(SHOP, worker_cores=20, postgres_cores=20, history_ms=100)
    assert bound.busiest() == HISTORY
    one, two = crowd(bound, 16, 2000), crowd(bound.grown(HISTORY, 2), 16, 2000)
    assert 1.4 * one < two <= 2.05 * one


def test_ten_times_the_load_asks_for_ten_times_the_servers() -> None:
    needs = {need.times: need for need in study.needs(SHOP, 500)}
    assert not needs[1].full
    assert needs[10].full[0] == WORKER
    for less, more in itertools.pairwise(study.TIMES):
        assert needs[more].load[WORKER] == pytest.approx(more / less * needs[less].load[WORKER])
    assert all(need.then.used[name] < 0.85 for need in needs.values() for name in RESOURCES)


def test_inputs_come_from_a_file_with_remarks(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"_of": "a remark", **{f"{name}_ms": 1 for name in RESOURCES}}))
    assert Inputs.read(path) == Inputs(1, 1, 1, 1, 1)
    assert Inputs.read().busiest() in RESOURCES
