"""`python -m tests.soak`: run one seed and print a report; exit code 1 on any violation."""

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from temporalio.client import Client as Temporal

from cli.stack import Ports, Stack
from store.database.store import utc_now
from tests.soak.chaos import Chaos
from tests.soak.client_log import ClientLog
from tests.soak.clients import traffic
from tests.soak.evidence import write_evidence
from tests.soak.final_checks import run_final_checks
from tests.soak.program import Part, Program, program
from tests.soak.report import Soak, report
from tests.support.postgres import Postgres, new_database, postgres

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
_MORE = {"CHANGEOVER_RECONCILE_EVERY": "PT5S"}


class Database(StrEnum):
    """The database of the service under test."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


def main(
    seed: Annotated[int | None, typer.Option(help="The program to run; random if not given.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="Duration of the traffic.")] = 1.0,
    database: Annotated[Database, typer.Option()] = Database.POSTGRES,
) -> None:
    """Run seeded traffic while processes are killed, and check the result."""
    chosen = secrets.randbelow(10**6) if seed is None else seed
    print(f"soak      seed {chosen}, {database}, {minutes:g} min ...", flush=True)
    kept = ARTIFACTS / f"soak-{chosen}-{database}"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    parts = [each for each in Part if each is not Part.POSTGRES or database is Database.POSTGRES]
    planned = program(chosen, minutes, tuple(parts))
    with _database(database) as (server, url):
        ports = Ports.free()
        with Stack(kept, ports, url, more=_MORE) as stack:
            soak = asyncio.run(_soak(planned, minutes, database, stack, server))
            if soak.violations:
                write_evidence(kept, stack.database, soak)
        if soak.violations and server:
            shutil.copy(server.log, kept / "logs" / "postgres.log")
    print(report(soak))
    if soak.violations:
        print(f"logs and evidence: {kept}")
        raise typer.Exit(1)
    shutil.rmtree(kept)


@contextmanager
def _database(kind: Database) -> Iterator[tuple[Postgres | None, str | None]]:
    if kind is Database.SQLITE:
        yield None, None
        return
    with postgres() as server:
        yield server, new_database(server.url, "soak")


async def _soak(planned: Program, minutes: float, database: str, stack: Stack, server: Postgres | None) -> Soak:
    temporal = await Temporal.connect(stack.temporal)
    client_log = ClientLog()
    chaos = Chaos(stack, server, client_log)
    async with asyncio.TaskGroup() as group:
        killing = group.create_task(chaos.run(planned.kills))
        reached = await traffic(planned, stack.api, temporal, client_log, utc_now, killing)
    ended = client_log.now()
    watching = asyncio.create_task(chaos.watch())
    violations = [*await run_final_checks(stack, temporal, client_log), *chaos.unrecovered_kills()]
    watching.cancel()
    return Soak(
        program=planned,
        minutes=minutes,
        database=database,
        client_log=client_log,
        chaos=chaos,
        reached=reached,
        settled=client_log.now() - ended,
        violations=violations,
    )


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(main)
    app()
