"""kill -9 of the worker and of Temporal: pending events are posted to webhooks all the same, under the same id."""

import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from cli.http_clients.native import NativeClient
from cli.processes import Child
from cli.stack import Ports, Stack
from tests.support.webhook_receiver import Receiver, receiving

pytestmark = pytest.mark.faults


# Longer than an attempt may take: Temporal waits that long for a worker that is dead.
TIMEOUT_SECONDS = 60


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    more = {"CHANGEOVER_WEBHOOKS_ALLOW_PRIVATE": "true"}
    with Stack(tmp_path_factory.mktemp("webhooks"), Ports.free(), more=more) as running:
        yield running


@pytest.fixture
def receiver(stack: Stack) -> Iterator[Receiver]:
    with receiving() as running:
        headers = {"Idempotency-Key": running.url}
        answer = httpx2.post(f"{stack.api}/v1/webhooks", json={"url": running.url}, headers=headers)
        assert answer.status_code == httpx2.codes.CREATED, answer.text
        yield running
        httpx2.delete(f"{stack.api}/v1/webhooks/{answer.json()['id']}")


def test_a_worker_killed_between_a_post_and_its_record_leaves_the_event_to_another(
    stack: Stack, client: NativeClient, receiver: Receiver
) -> None:
    receiver.open.clear()
    order = client.order("NOK", "killed")
    wait_until(lambda: bool(receiver.posts))
    stack.worker.kill()
    receiver.open.set()
    stack.worker.start()
    wait_until(lambda: len(receiver.posts) > 1)
    assert {post.id for post in receiver.posts} == {f"evt_{order}_1"}


def test_events_that_occurred_while_worker_and_temporal_were_down_are_posted_once_both_are_back(
    stack: Stack, client: NativeClient, receiver: Receiver
) -> None:
    stack.worker.kill()
    stack.server.kill()
    orders = [client.order("NOK", "killed") for _ in range(5)]
    stack.server.start()
    stack.worker.start()
    second = Child("second", stack.worker.command, stack.data / "logs" / "second.log", stack.worker.environment)
    second.start()
    try:
        wait_until(lambda: len({post.id for post in receiver.posts}) == len(orders))
    finally:
        second.stop()
    assert {post.id for post in receiver.posts} == {f"evt_{order}_1" for order in orders}
