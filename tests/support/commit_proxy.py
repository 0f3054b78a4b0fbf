"""A proxy between our store and PostgreSQL that, when armed, forwards a commit and drops PostgreSQL's answer."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from telemetry.loopback import HOST

_COMMIT = b"COMMIT\x00"
_BEGIN, _READ_ONLY = b"BEGIN", b"READ ONLY"
_READY = b"Z\x00\x00\x00\x05"


@dataclass
class Proxy:
    """A proxy to a Unix socket; it cuts the connections whose commit it was armed for."""

    socket: Path
    port: int = 0
    cuts: int = 0
    """How many commits PostgreSQL completed whose clients never got the answer."""
    _commits_to_go: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cut_commit(self, number: int = 1) -> None:
        """Cut the connection of a writing transaction once PostgreSQL has answered its commit.

        `number` is which commit from now on, 1 for the next.
        """
        with self._lock:
            self._commits_to_go = number

    def _cuts_this(self, sent: bytes) -> bool:
        with self._lock:
            if _COMMIT not in sent or not self._commits_to_go:
                return False
            self._commits_to_go -= 1
            return not self._commits_to_go

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """Forward one connection until it ends or is cut."""
        server, requests = await asyncio.open_unix_connection(str(self.socket))
        back, writes = asyncio.create_task(_forward(server, answers)), False
        try:
            while sent := await client.read(65536):
                writes = _READ_ONLY not in sent if _BEGIN in sent else writes
                cut = writes and self._cuts_this(sent)
                if cut:
                    back.cancel()
                    await asyncio.wait({back})
                requests.write(sent)
                await requests.drain()
                if cut:
                    await server.readuntil(_READY)
                    self.cuts += 1
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            back.cancel()
            answers.transport.abort()
            requests.transport.abort()


async def _forward(server: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while answer := await server.read(65536):
            answers.write(answer)
            await answers.drain()
    answers.close()


@contextmanager
def proxy_to(socket: Path) -> Iterator[Proxy]:
    """Run a proxy in its own thread: a client of it may block the caller's event loop."""
    proxy, loop = Proxy(socket), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(proxy.serve, HOST, 0), loop).result(10)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    serving = asyncio.all_tasks() - {asyncio.current_task()}
    for each in serving:
        each.cancel()
    await asyncio.gather(*serving, return_exceptions=True)
