"""The DBOS app's process: an API of one request, as ours is built on FastAPI and uvicorn.

A request runs its workflow in the thread that serves it, which costs DBOS least; another request with the same id
is answered with the same outcome. What a killed process left is taken up when it starts again.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from dbos import DBOS, DBOSConfig, SetWorkflowID
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.saga import TRANSACTIONS, change_order
from bench.peers.transactions import CONNECTIONS, Change
from telemetry.loopback import HOST


class ChangeInput(BaseModel):
    """A request."""

    id: str
    order: str
    offer_bundle_id: str
    token: str


class Outcome(BaseModel):
    """How it ended."""

    change: str
    state: str
    code: str | None = None


@asynccontextmanager
async def _running(_app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["PEERS_DATABASE"]  # noqa: TID251 - a process of its own, without our settings
    TRANSACTIONS.open(url)
    config: DBOSConfig = {
        "name": "peers",
        "system_database_url": url,
        "sys_db_pool_size": CONNECTIONS,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    yield
    DBOS.destroy()


app = FastAPI(lifespan=_running, openapi_url=None)


@app.get("/ready")
def ready() -> dict[str, bool]:
    """Say that it is up."""
    return {"ready": True}


@app.post("/changes")
def change(options: ChangeInput) -> Outcome:
    """Change an order, and answer when it is over."""
    with SetWorkflowID(options.id):
        ended = change_order(Change(options.id, options.order, options.offer_bundle_id, options.token))
    return Outcome(change=options.id, **ended)


if __name__ == "__main__":
    port = int(os.environ["PEERS_PORT"])  # noqa: TID251 - likewise
    uvicorn.run(app, host=HOST, port=port, http="httptools", loop="uvloop", log_level="error", access_log=False)
