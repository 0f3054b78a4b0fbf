"""Serves the fake bank over HTTP: `python -m examples.fake_systems.bank_server --book FILE`."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from examples.fake_systems.bank import Bank, BankRefusalError, NotPossibleError
from examples.fake_systems.server_process import create_parser, serve
from store.database.store import utc_now

PAGE_SIZE = 100


class Authorisation(BaseModel):
    """A payment to authorise; `minor` is the amount in minor units."""

    minor: int
    currency: str
    method: str
    token: str


class Part(BaseModel):
    """An amount in minor units of an authorisation to capture, or of a capture to refund, by its reference."""

    of: str
    minor: int
    currency: str


def bank_routes(bank: Bank) -> APIRouter:
    """Return the bank's API: 200 or 201 with what was done, 422 for refused, 400 for impossible."""
    router = APIRouter(prefix="/merchants/{merchant}")

    @router.put("/authorisations/{key:path}", status_code=201)
    def authorise(key: str, body: Authorisation) -> dict[str, str | datetime | None]:
        reference = bank.authorise(key, body.minor, body.currency, body.token)
        account = bank.account(key)
        return {"reference": reference, "expires_at": account.expires_at if account else None}

    @router.delete("/authorisations/{key:path}")
    def void(key: str) -> dict[str, str]:
        bank.void(key)
        return {"voided": key}

    @router.put("/captures/{key:path}", status_code=201)
    def capture(key: str, body: Part) -> dict[str, str | int]:
        reference = bank.capture(key, body.of, body.minor, body.currency)
        return {"reference": reference, "minor": body.minor, "currency": body.currency}

    @router.put("/refunds/{key:path}", status_code=201)
    def refund(key: str, body: Part) -> dict[str, str | int]:
        state = bank.refund(key, body.of, body.minor, body.currency)
        return {"state": state, "minor": body.minor, "currency": body.currency}

    @router.get("/keys/{key:path}")
    def find(key: str) -> dict[str, Any]:
        return asdict(bank.find(key))

    @router.get("/accounts")
    def accounts() -> dict[str, dict[str, int | str | bool]]:
        names = ("currency", "minor", "captured", "refunded", "voided")
        return {key: {name: getattr(each, name) for name in names} for key, each in bank.accounts.items()}

    @router.get("/movements")
    def movements(after: int = 0, payment: str | None = None) -> dict[str, Any]:
        found = bank.movements(after, payment, limit=-1 if payment else PAGE_SIZE)
        more = found[-1].number if len(found) == PAGE_SIZE and payment is None else None
        return {"movements": [asdict(each) for each in found], "next": more}

    return router


def answer_bank_refusals(app: FastAPI) -> None:
    """Answer the bank's refusals as a real bank would."""

    @app.exception_handler(BankRefusalError)
    def refused(_request: Request, error: BankRefusalError) -> Response:
        about = {"reference": error.reference} if error.reference else {}
        return JSONResponse({"error": str(error), **about}, 422)

    app.add_exception_handler(NotPossibleError, lambda _request, _error: JSONResponse({"error": "not_possible"}, 400))


def create_bank_app(bank: Bank) -> FastAPI:
    """Return the bank as an application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(bank_routes(bank))
    answer_bank_refusals(app)
    return app


if __name__ == "__main__":
    parser = create_parser(__doc__, port=9100)
    parser.add_argument("--life", type=int, help="how long an authorisation lasts, in seconds by its own clock")
    chosen = parser.parse_args()
    life, ahead = timedelta(seconds=chosen.life) if chosen.life else None, timedelta(seconds=chosen.clock_ahead)
    serve(create_bank_app(Bank(chosen.book, life, lambda: utc_now() + ahead)), chosen)
