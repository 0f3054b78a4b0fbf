"""Records the missing histories, one per story, into tests/histories: python -m tests.record_histories

An existing history is never recorded again: if it no longer replays, open drafts in production would not replay
either. A new history gets a new name and a story in tests/recordings.
"""

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from examples.fake_systems.bank import Bank
from tests.recordings import STORIES
from tests.recordings.story import Story
from tests.replay_histories import FOLDER
from tests.support.installation import prepare_database, running_world
from tests.support.temporal_server import temporal_server
from tests.support.watched_bank import provider_for
from tests.support.world import World

_STACK_TRACE = re.compile(r'("stackTrace": )"(?:[^"\\]|\\.)*"')


@asynccontextmanager
async def _installation(events: int | None, *, external: bool) -> AsyncIterator[World]:
    dynamic = [f"limit.historyCount.suggestContinueAsNew={events}"] if events else []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = f"sqlite:///{folder}/record.db"
        prepare_database(url)
        bank = stack.enter_context(provider_for(Bank())) if external else None
        async with (
            temporal_server(dynamic=dynamic) as server,
            running_world(url, server.address, "sqlite", bank) as world,
        ):
            yield world


async def _history(world: World, story: Story) -> str:
    run = await story.play(world)
    if not story.left_open:
        await world.wait_for_end_of(run)
    history = (await run.fetch_history()).to_json()
    world.faults.clear()
    # Stack traces contain folders of this machine, and replay does not read them.
    return _STACK_TRACE.sub(r'\1""', history)


async def record() -> None:
    """Record every story that has no history yet."""
    missing = {name: story for name, story in STORIES.items() if not (FOLDER / f"{name}.json").exists()}
    for events, external in dict.fromkeys((story.events, story.external) for story in missing.values()):
        async with _installation(events, external=external) as world:
            for name, story in missing.items():
                if (story.events, story.external) == (events, external):
                    history = await _history(world, story)
                    (FOLDER / f"{name}.json").write_text(history)
                    print(f"{name}: {len(history) // 1000} kB")  # noqa: T201 - a command


if __name__ == "__main__":
    asyncio.run(record())
