"""Evidence of a failed run, beside the logs: the clients' log and the rows of the orders concerned."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import select
from sqlmodel import SQLModel

from store.database.store import Store
from tests.soak.report import Soak, report


def write_evidence(folder: Path, database: str, soak: Soak) -> None:
    """Write the report, all answers, the kills and the rows of the orders concerned into a folder."""
    (folder / "report.txt").write_text(report(soak))
    answers = [json.dumps(asdict(each)) for each in sorted(soak.client_log.answers, key=lambda each: each.answered_at)]
    (folder / "answers.jsonl").write_text("\n".join(answers))
    kills = "\n".join(f"{each.at:7.2f} to {each.since:7.2f} {each.part}" for each in soak.chaos.performed)
    (folder / "kills.txt").write_text(kills)
    store = Store(database)
    try:
        for order in sorted({each.order for each in soak.violations if each.order}):
            (folder / f"order-{order}.txt").write_text("\n".join(_rows(store, order)))
    finally:
        store.close()


def _rows(store: Store, order: str) -> Iterator[str]:
    with store.read() as tx:
        for table in SQLModel.metadata.sorted_tables:
            if "order_number" in table.c:
                for row in tx.connection().execute(select(table).where(table.c.order_number == order)):
                    yield f"{table.name}: {row._asdict()}"
