"""The fake shop as a process of its own, which a test kills, starts again and puts in trouble."""

import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from cli.processes import Child
from examples.fake_systems.shop_server import ShopTrouble
from telemetry.loopback import HOST, free_port

START_SECONDS = 60


class ShopProcess:
    """A process that serves the fake systems of examples/."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        command = [sys.executable, "-m", "examples.fake_systems.server", "--port", str(port)]
        self.url = f"http://{HOST}:{port}"
        self._child = Child("shop", command, folder / "shop.log")

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._child.start()
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            assert not self._child.ended, self._child.tail()
            try:
                self.set_trouble(None)
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError(self._child.tail())

    def kill(self) -> None:
        """Kill it with kill -9."""
        self._child.kill()

    def set_trouble(self, trouble: ShopTrouble | None) -> None:
        """Put it in trouble from now on, or end the trouble."""
        httpx2.put(f"{self.url}/shop/trouble", json={"trouble": trouble}, timeout=10).raise_for_status()

    @contextmanager
    def in_trouble(self, trouble: ShopTrouble | None) -> Generator[None]:
        """Be in trouble while the block lasts; None: it is killed, and started again."""
        if trouble is None:
            self.kill()
        else:
            self.set_trouble(trouble)
        try:
            yield
        finally:
            if trouble is None:
                self.start()
            else:
                self.set_trouble(None)


@contextmanager
def running_shop(folder: Path) -> Iterator[ShopProcess]:
    """Run the shop while the block lasts."""
    shop = ShopProcess(folder)
    shop.start()
    try:
        yield shop
    finally:
        shop.kill()
