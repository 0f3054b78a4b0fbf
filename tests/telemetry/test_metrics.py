"""The metrics of a running API and worker, and the dashboard, the alerts and the page that use exactly these."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
import yaml
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from temporalio.client import Client

from cli.http_clients.native import NativeClient
from cli.http_clients.responses import ShopError
from cli.stack import Ports, Stack
from examples.fake_systems.server import serving, stocked
from telemetry.cached_collector import CachedCollector
from telemetry.logs import MEMBERS
from telemetry.loopback import HOST, free_ports
from temporal.names import ORDERS_QUEUE, StepName
from tests.support.canary import ADULT, BORN, find_canaries
from tests.support.commands import ROOT
from tests.support.promql import metrics_read
from tests.support.world import CARD, DECLINED, add, replace

pytestmark = pytest.mark.journeys

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "changeover.json"
PAGE = ROOT / "docs" / "observability.md"
RUNBOOKS = {
    *("a-step-keeps-failing", "consistency-checks-fail", "holds-are-overdue", "requests-are-not-started"),
    *("temporal-does-not-answer", "the-store-does-not-answer", "workers-are-behind", "a-workflow-task-fails"),
    *("every-step-is-slow", "a-refund-is-owed", "a-provider-does-not-answer"),
}
_OF_PROMETHEUS = {"up"}

Labels = Mapping[str, str]
Scraped = dict[str, list[tuple[Labels, float]]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    names = ("temporal", "web_ui", "api", "api_metrics", "worker_metrics")
    ports = Ports(**dict(zip(names, free_ports(len(names)), strict=True)))
    more = {"CHANGEOVER_RECONCILE_EVERY": "PT1S", "CHANGEOVER_LOG_FORMAT": "json"}
    # The catalogue is external, so that its calls are measured.
    with serving(stocked()) as shop:
        more |= {"CHANGEOVER_OFFERS": "examples.providers.shop_offers:ShopOffers", "SHOP_URL": shop}
        with Stack(tmp_path_factory.mktemp("metrics"), ports, in_memory=True, more=more) as running:
            yield running


def text_of(port: int) -> str:
    answer = httpx2.get(f"http://{HOST}:{port}/metrics", timeout=10)
    assert answer.status_code == httpx2.codes.OK
    return answer.text


def scraped(*ports: int) -> Scraped:
    """Return every series by its name."""
    found: Scraped = {}
    for port in ports:
        for family in text_string_to_metric_families(text_of(port)):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(found: Scraped, name: str, **labels: str) -> float:
    return sum(each for given, each in found.get(name, []) if given.items() >= labels.items())


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def traffic(shop: NativeClient, shop_address: str) -> None:
    """Sell, have a payment refused after the swap, discard a draft, and leave one open with an authorised payment."""
    day = datetime.now(UTC).date() + timedelta(days=3)  # noqa: TID251 - the shop's own calendar
    who = ({"id": ADULT, "birth_date": BORN.isoformat()},)

    def changed(order: str, operation: object, **more: object) -> None:
        shop.run(f"/v1/orders/{order}/changes", {"operations": [operation], **more})

    def offered(product: str, train: str) -> str:
        return shop.offer(product, who, service=f"{train}-{day}")

    sold, discarded, opened = (shop.order("NOK", "metrics") for _ in range(3))
    changed(sold, add(offered("standard", "4711"), ADULT), confirm=True, payment=CARD)
    dearer = replace([f"{sold}-1"], offered("flexible", "4713"))
    with pytest.raises(ShopError, match="PAYMENT_REFUSED"):
        changed(sold, dearer, confirm=True, payment=DECLINED)
    changed(discarded, add(offered("standard", "4711"), ADULT))
    changed(opened, add(offered("standard", "4711"), ADULT))
    shop.run(f"/v1/orders/{opened}/payments", {"amount": "100.00", "currency": "NOK", **CARD})
    httpx2.delete(f"{shop_address}/v1/orders/{discarded}/draft", headers={"Idempotency-Key": "d"}, timeout=30)


async def start_a_failing_task(stack: Stack) -> None:
    """Start a workflow of an unknown type: its task fails, as one does that does not replay."""
    client = await Client.connect(stack.temporal)
    await client.start_workflow("NoSuchWorkflow", id="none", task_queue=ORDERS_QUEUE)


@pytest.fixture(scope="module")
def found(stack: Stack) -> Scraped:
    shop = NativeClient(stack.api)
    traffic(shop, stack.api)
    shop.close()
    asyncio.run(start_a_failing_task(stack))
    ports = stack.ports

    def all_there() -> bool:
        now = scraped(ports.worker_metrics)
        rounds = value(now, "changeover_invariants_checked_timestamp_seconds")
        return rounds > 0 and value(now, "temporal_workflow_task_execution_failed_total") > 0

    until(all_there)
    # The collectors cache their gauges for a few seconds.
    until(lambda: value(scraped(ports.api_metrics), "changeover_drafts_open") == 1)
    until(lambda: value(scraped(ports.worker_metrics), "changeover_drafts_open") == 1)
    return scraped(ports.api_metrics, ports.worker_metrics)


def expressions() -> Iterator[str]:
    rules = yaml.safe_load(ALERTS.read_text())
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_the_dashboard_and_the_alerts_use_existing_metrics(found: Scraped) -> None:
    used = {each for expression in expressions() for each in metrics_read(expression)}
    assert len(used) > 20
    for name, labels in used:
        if name not in _OF_PROMETHEUS:
            assert name in found, name
            assert set(labels) <= {label for given, _ in found[name] for label in given}, (name, labels)


@pytest.mark.parametrize("wrong", ["sum(a", "rate(a[5 minutes])", "median(a)", "a{b=c}", "a ; b", "a)"])
def test_an_invalid_expression_is_noticed(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        list(metrics_read(wrong))


def test_every_alert_names_a_page_that_says_what_to_do() -> None:
    named = set()
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            page, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert page == "docs/operations.md"
            assert rule["annotations"]["summary"]
            assert rule["labels"]["severity"] in {"page", "ticket"}
            named.add(anchor)
    assert named == RUNBOOKS


def test_the_page_describes_every_metric_and_no_other(found: Scraped) -> None:
    rows = re.findall(r"^\| `(changeover_\w+)` \| (.*?) \|", PAGE.read_text(), re.MULTILINE)
    families = {re.sub(r"_bucket$|_count$|_sum$", "", name) for name in found if name.startswith("changeover_")}
    assert {name for name, _ in rows} == families
    for name, labels in rows:
        given = next(iter(found.get(name) or found[f"{name}_count"]))[0]
        assert set(re.findall(r"`(\w+)`", labels)) == set(given), name


def test_the_page_describes_every_member_of_a_log_line() -> None:
    table = PAGE.read_text().partition("| member | is |")[2].partition("\n\n")[0]
    names = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert tuple(names) == MEMBERS


def test_the_counters_match_the_requests(found: Scraped) -> None:
    changes = "changeover_changes_total"
    assert value(found, changes, kind="create", outcome="done") == 3
    assert value(found, changes, kind="change", outcome="done") == 3
    assert value(found, changes, kind="change", outcome="refused", code="PAYMENT_REFUSED") == 1
    assert value(found, changes, kind="pay", outcome="done") == 1
    assert value(found, changes, kind="discard", outcome="done") == 1
    assert value(found, changes) == 9
    # The refused change was one transaction, so there was nothing to undo.
    assert {each["reason"] for each, count in found["changeover_undone_total"] if count} == {"DISCARDED"}
    assert value(found, "changeover_step_seconds_count", step=StepName.PLAN_CHANGE, result="done") == 6
    assert (
        value(found, "changeover_step_failures_total", step=StepName.AUTHORISE_PAYMENT, reason="PAYMENT_REFUSED") == 1
    )
    assert value(found, "changeover_step_seconds_count", step=StepName.RELEASE_SEATS, result="done") == 1
    assert value(found, "changeover_request_seconds_count", route="/v1/orders/{order}/changes", status="402") == 1
    assert value(found, "changeover_invariant_violations") == 0
    # Both processes report these.
    assert value(found, "changeover_drafts_open") == value(found, "changeover_holds_open") == 2
    assert value(found, "changeover_money_in_flight_minor", currency="NOK") == 2 * 10_000
    assert value(found, "changeover_refunds_owed_minor", currency="NOK") == 0
    assert value(found, "changeover_store_up") == value(found, "changeover_temporal_up") == 2


@pytest.mark.usefixtures("found")
def test_no_label_is_an_order_or_a_person_and_every_log_line_is_known_members(stack: Stack) -> None:
    text = "".join(map(text_of, (stack.ports.api_metrics, stack.ports.worker_metrics)))
    assert not re.search(r"\d\d-1\d{5}|[0-9a-f]{8}-[0-9a-f]{4}", text)
    assert not find_canaries(text.encode())
    events = set()
    for child in (stack.worker, stack.server_api):
        assert not find_canaries(child.log.read_bytes())
        for line in child.log.read_text().splitlines():
            logged = json.loads(line)
            assert set(logged) <= set(MEMBERS)
            events.add(logged["event"])
    assert {"request completed", "change ended"} <= events


def test_metrics_are_not_served_with_the_api(stack: Stack) -> None:
    assert httpx2.get(f"{stack.api}/metrics").status_code == httpx2.codes.NOT_FOUND


def test_gauges_that_cannot_be_read_fail_no_scrape_and_are_not_read_again_at_once() -> None:
    reads = []

    def read() -> list[Metric]:
        reads.append(1)
        if len(reads) == 1:
            raise OSError
        return [GaugeMetricFamily("seen", "", value=1)]

    collector = CachedCollector("thing_up", "", read)
    for _ in range(2):
        (up,) = collector.collect()
        assert up.samples[0].value == 0
    assert len(reads) == 1
