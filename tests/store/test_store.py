"""Read and write transactions of the store."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from domain.access import TenantAccess
from store.database import connections
from store.database.connections import BUSY, StoreBusyError, database_url
from store.database.store import Store
from store.tables import CounterRow


def counter(name: str, value: int = 0) -> CounterRow:
    return CounterRow(tenant="default", name=name, value=value)


def test_a_write_inside_a_write_joins_it(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx.add(counter("outer"))
        with store.write() as inner:
            assert inner is tx
            inner.add(counter("inner"))
        raise ZeroDivisionError
    with store.read() as tx:
        assert tx.get(CounterRow, "outer") is None
        assert tx.get(CounterRow, "inner") is None


def test_a_thread_knows_of_its_open_transactions(store: Store) -> None:
    tenant = store.for_tenant(TenantAccess("default"))

    def is_open() -> bool:
        return store.in_transaction

    for opened in (store.read, store.write, tenant.read, tenant.write):
        assert not is_open()
        with pytest.raises(ZeroDivisionError), opened():
            assert is_open()
            with ThreadPoolExecutor(1) as other:
                assert not other.submit(is_open).result()
            raise ZeroDivisionError
    assert not is_open()


def test_a_reader_sees_one_state_during_a_write(store: Store) -> None:
    with store.write() as tx:
        tx.merge(counter("read", 1))
    with store.read() as reader:
        assert reader.exec(select(CounterRow.value).where(CounterRow.name == "read")).one() == 1
        with store.write() as tx:
            tx.merge(counter("read", 2))
        assert reader.exec(select(CounterRow.value).where(CounterRow.name == "read")).one() == 1
    with store.read() as reader:
        assert reader.exec(select(CounterRow.value).where(CounterRow.name == "read")).one() == 2


@pytest.mark.only_on("postgres")
def test_frequent_queries_stay_prepared_between_transactions(store: Store) -> None:
    tenant_store = store.for_tenant(TenantAccess("default"))
    for name in map(str, range(20)):
        for read in (store.read, tenant_store.read):
            with read() as tx:
                tx.exec(select(CounterRow.value).where(CounterRow.name == name)).all()
    with store.read() as tx:
        prepared = tx.connection().exec_driver_sql("SELECT statement FROM pg_prepared_statements").scalars().all()
    assert any("counters" in statement for statement in prepared)
    assert any("set_config" in statement for statement in prepared)


def test_two_writers_never_lose_each_others_update(store: Store) -> None:
    with store.write() as tx:
        tx.merge(counter("raced"))

    def count() -> None:
        for _ in range(20):
            with store.write() as tx:
                row = tx.exec(select(CounterRow).where(CounterRow.name == "raced").with_for_update()).one()
                row.value += 1
                tx.add(row)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert tx.exec(select(CounterRow.value).where(CounterRow.name == "raced")).one() == 80


def test_a_writer_that_gets_no_lock_fails_in_time(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "BUSY_SECONDS", 0.05)
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('busy') / 'busy.db'}")
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with store.write():
            entered.set()
            leave.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    with pytest.raises(StoreBusyError), store.write():
        pass
    leave.set()
    holder.join()
    store.close()


@pytest.mark.only_on("postgres")
def test_a_process_suspended_in_a_transaction_loses_it_and_its_locks(
    database: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_TRANSACTION_SECONDS", 0.2)
    sleeper = Store(database)
    with store.write() as tx:
        tx.merge(counter("slept"))
    locked = select(CounterRow).where(CounterRow.name == "slept").with_for_update()
    with pytest.raises(StoreBusyError), sleeper.write() as tx:
        tx.exec(locked).one()
        with store.write() as other:
            other.exec(locked).one()
        tx.exec(locked).one()
    with sleeper.write() as tx:
        assert tx.exec(locked).one().value == 0
    sleeper.close()


def test_the_store_has_the_clock(tmp_path_factory: pytest.TempPathFactory) -> None:
    then = datetime(2031, 1, 1, tzinfo=UTC)
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('clock') / 'clock.db'}", clock=lambda: then)
    assert store.now() == then
    store.close()


def test_the_default_clock_is_the_machines(store: Store) -> None:
    assert abs(store.now() - datetime.now(UTC)) < timedelta(seconds=5)  # noqa: TID251 - compared with the machine's clock


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_that_only_one_connection_sees_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="needs a file"):
        Store(url)


def test_a_postgresql_url_needs_no_driver_name() -> None:
    assert database_url("postgresql://a:b@host/name").drivername == "postgresql+psycopg"


@pytest.mark.only_on("postgres")  # SQLite waits once, for its one write lock
def test_the_waits_of_a_transaction_end_together(database: str, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each lock alone would come in time; a group waits for many, and its attempt has one end."""
    monkeypatch.setattr(connections, "TRANSACTION_SECONDS", 1.0)
    other, names = Store(database), [f"waited-for-{number}" for number in range(4)]
    with store.write() as tx:
        for name in names:
            tx.merge(counter(name))
    locked = {name: select(CounterRow).where(CounterRow.name == name).with_for_update() for name in names}
    entered, released = threading.Event(), threading.Event()

    def hold() -> None:
        with other.write() as tx:
            for name in names:
                tx.exec(locked[name]).one()
            entered.set()
            released.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait(10)
    began = time.monotonic()
    with pytest.raises(BUSY), store.write() as tx:
        tx.exec(locked[names[0]]).one()
    assert time.monotonic() - began < connections.BUSY_SECONDS  # the end of one lock's wait
    released.set()
    with pytest.raises(StoreBusyError), store.write() as tx:
        tx.execute(text("SELECT pg_sleep(0.6)"))
        with pytest.raises(OperationalError), tx.begin_nested():
            tx.execute(text("SELECT pg_sleep(0.6)"))
        tx.execute(text("SELECT 1"))
    with store.write() as tx:
        tx.execute(text("SELECT 1"))
    holder.join()
    other.close()
