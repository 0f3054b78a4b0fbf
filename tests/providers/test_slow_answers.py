"""A provider that sends its answer byte by byte: an adapter that waits for each byte alone would never give up."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta

import pytest

from examples.providers.bank_payments import BankPayments, BankSettings
from examples.providers.railway_inventory import RailwayInventory, RailwaySettings
from providers.errors import ProviderUnavailableError
from telemetry.loopback import HOST, listening_socket
from tests.support.external_systems import SECRET

TIMEOUT = timedelta(milliseconds=300)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture
def slow() -> Iterator[str]:
    """The URL of a server that sends a byte of its answer every 50 milliseconds, for 50 seconds."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        # The client may have gone, and the test with it.
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(HEAD)
                while not over.wait(0.05):
                    connection.sendall(b" ")

    with listening_socket() as listening:
        listening.listen()
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield f"http://{HOST}:{listening.getsockname()[1]}"
        over.set()
        thread.join()


def ask_bank(url: str) -> None:
    with closing(BankPayments(BankSettings(url=url, secret=SECRET, timeout=TIMEOUT))) as bank:
        bank.find("default", "key")


def ask_railway(url: str) -> None:
    with closing(RailwayInventory(RailwaySettings(url=url, secret=SECRET, timeout=TIMEOUT))) as railway:
        railway.find("default", "key")


@pytest.mark.parametrize("ask", [ask_bank, ask_railway], ids=["bank", "railway"])
def test_an_answer_that_comes_byte_by_byte_is_given_up(slow: str, ask: Callable[[str], None]) -> None:
    started = time.monotonic()
    with pytest.raises(ProviderUnavailableError):
        ask(slow)
    assert time.monotonic() - started < 20
