"""Stops the app at a step of a change and kills it there.

No hook in the app: triggers in its database wait for a lock that we hold. `BEFORE_COMMIT` stops a step when it has
done everything and not committed; `BEFORE_RECORD` when it has committed and DBOS has not written that down yet,
so that DBOS will run it a second time.
"""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum

from bench.peers.peer import Peer
from bench.peers.tables import Tx

_LOCK = 4711
_SECONDS = 60.0


class Moment(StrEnum):
    """Where within a step."""

    BEFORE_COMMIT = "effects"
    BEFORE_RECORD = "dbos.operation_outputs"


_TRIGGERS = f"""
CREATE TABLE stops (change text, step text, PRIMARY KEY (change, step));
CREATE FUNCTION stop_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM public.stops WHERE change = NEW.change AND step = NEW.step) THEN
        PERFORM pg_advisory_xact_lock({_LOCK});
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION stop_record() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF EXISTS (SELECT 1 FROM public.stops WHERE change = NEW.workflow_uuid AND step = NEW.function_name) THEN
        PERFORM pg_advisory_xact_lock({_LOCK});
    END IF;
    RETURN NEW;
END $$;
"""  # noqa: S608 - a number of our own
_ARM = {
    Moment.BEFORE_COMMIT: "CREATE TRIGGER stop BEFORE INSERT ON effects FOR EACH ROW EXECUTE FUNCTION stop_step()",
    Moment.BEFORE_RECORD: "CREATE TRIGGER stop BEFORE INSERT ON dbos.operation_outputs FOR EACH ROW "
    "EXECUTE FUNCTION stop_record()",
}
_STOPPED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def kill_in_the_middle(peer: Peer, moment: Moment, steps: Mapping[str, str], ask: Callable[[], None]) -> None:
    """Ask for changes, stop each at its step, kill the app when all stand still, and start it again.

    `steps` says at which step each change is stopped. The triggers are gone when the app starts again.
    """
    with peer.connect() as tx:
        tx.execute(_TRIGGERS)
        tx.cursor().executemany("INSERT INTO stops VALUES (%s, %s)", list(steps.items()))
        tx.execute(_ARM[moment])
    with peer.connect() as holder, peer.connect() as watcher:
        watcher.autocommit = True
        holder.execute(f"SELECT pg_advisory_lock({_LOCK})")
        ask()
        _until(watcher, _STOPPED, len(steps))
        peer.app.kill()
        holder.close()
        # PostgreSQL notices that a client is gone when it next speaks to it; what was open is rolled back then.
        _until(watcher, _OTHERS, 0)
        watcher.execute(f"DROP TRIGGER stop ON {moment}")
        watcher.execute("DROP TABLE stops; DROP FUNCTION stop_step; DROP FUNCTION stop_record")
    peer.start()


def _until(tx: Tx, query: str, count: int) -> None:
    give_up = time.monotonic() + _SECONDS
    while (found := (tx.execute(query).fetchone() or (0,))[0]) != count:
        if time.monotonic() > give_up:
            raise AssertionError(f"{found} instead of {count} after {_SECONDS:.0f} s: {' '.join(query.split())}")
        time.sleep(0.05)
