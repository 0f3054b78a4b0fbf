"""The process of the DBOS app: an API with one route, built like ours on FastAPI and uvicorn.

A request runs its workflow in the thread that serves it, which is cheapest for DBOS. Another request with the same id
gets the same outcome. After a kill the restarted process resumes unfinished workflows.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from dbos import DBOS, DBOSConfig, SetWorkflowID
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.saga import BANK, TRANSACTIONS, change_order
from bench.peers.transactions import CONNECTIONS, Change
from telemetry.loopback import HOST


class ChangeInput(BaseModel):
    """A request to change an order."""

    id: str
    order: str
    offer_bundle_id: str
    token: str


class Outcome(BaseModel):
    """The outcome of a change."""

    change: str
    state: str
    code: str | None = None


@asynccontextmanager
async def _running(_app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["PEERS_DATABASE"]  # noqa: TID251 - a process of its own, without our settings
    TRANSACTIONS.open(url)
    if bank := os.environ.get("PEERS_BANK"):  # noqa: TID251 - likewise
        BANK.open(bank)
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
    """Answer once the app accepts requests."""
    return {"ready": True}


@app.post("/changes")
def change(body: ChangeInput) -> Outcome:
    """Change an order, and answer when the change has ended."""
    with SetWorkflowID(body.id):
        outcome = change_order(Change(body.id, body.order, body.offer_bundle_id, body.token))
    return Outcome(change=body.id, **outcome)


if __name__ == "__main__":
    port = int(os.environ["PEERS_PORT"])  # noqa: TID251 - likewise
    uvicorn.run(app, host=HOST, port=port, http="httptools", loop="uvloop", log_level="error", access_log=False)
