"""Row-level security on PostgreSQL: a missing condition reveals no other tenant's rows, and no request writes money."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session

from domain.access import TenantAccess
from store.database.connections import database_url
from store.database.migrate import RoleMissingError, migrate
from store.database.store import LoginSeesNoRowsError, Store
from store.database.tenant_session import ROLE
from store.tables import OrderRow
from tests.support.postgres import new_database

FIRST, SECOND = TenantAccess("first"), TenantAccess("second")
KIOSK = TenantAccess("first", "WAY:Kiosk")
WITHOUT_TENANT = {"alembic_version"}
CREDENTIALS = {"clients", "api_keys"}


@pytest.fixture
def filled(postgres_url: str) -> Iterator[Store]:
    """A PostgreSQL with an order of each of two tenants, and one more of a channel."""
    url = new_database(postgres_url, "row_security")
    migrate(url)
    store = Store(url)
    with store.write() as tx:
        for number, reach in enumerate((FIRST, SECOND, KIOSK)):
            row = OrderRow(tenant=reach.tenant, number=f"26-10000{number}", currency="NOK", created_at=store.now())
            row.distribution_channel = reach.channel
            tx.add(row)
    yield store
    store.close()


def numbers(tx: Session) -> list[str]:
    return [row[0] for row in tx.connection().execute(text("SELECT number FROM orders ORDER BY number"))]


def test_a_query_without_a_tenant_condition_gets_the_tenants_own_rows_only(filled: Store) -> None:
    with filled.for_tenant(FIRST).read() as tx:
        assert numbers(tx) == ["26-100000", "26-100002"]
    with filled.for_tenant(SECOND).write() as tx:
        assert numbers(tx) == ["26-100001"]
        assert tx.connection().execute(text("UPDATE orders SET currency = 'CHF'")).rowcount == 1
    with filled.for_tenant(KIOSK).read() as tx:
        assert numbers(tx) == ["26-100002"]
    with filled.for_tenant(TenantAccess("")).read() as tx:
        assert numbers(tx) == []


def test_a_tenant_session_ends_with_its_transaction(filled: Store) -> None:
    for _ in range(40):  # more than there are connections
        with filled.for_tenant(FIRST).read() as scoped:
            assert len(numbers(scoped)) == 2
        with filled.read() as whole:
            assert len(numbers(whole)) == 3


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO offers (tenant, id, bundle) VALUES ('second', 'x', 'y')",
        "UPDATE orders SET tenant = 'second'",
        "UPDATE ledger SET amount_minor = 1",
        "DELETE FROM payments",
        "DELETE FROM changes",
        "UPDATE events SET data = '{}'",
        "DELETE FROM orders",
        "INSERT INTO step_records (tenant) VALUES ('first')",
        "SELECT * FROM api_keys",
        "SELECT * FROM clients",
        "DROP TABLE orders",
        "ALTER TABLE orders DISABLE ROW LEVEL SECURITY",
    ],
)
def test_a_request_cannot_write_anothers_rows_nor_money_nor_read_keys(filled: Store, statement: str) -> None:
    with pytest.raises(ProgrammingError), filled.for_tenant(FIRST).write() as tx:
        tx.connection().execute(text(statement))
    with filled.read() as whole:
        assert len(numbers(whole)) == 3


def test_every_table_has_row_level_security(filled: Store) -> None:
    secured = text(
        "SELECT relname, relrowsecurity FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    granted_tables = text(f"SELECT table_name FROM information_schema.role_table_grants WHERE grantee = '{ROLE}'")  # noqa: S608 - our own constant
    with filled.read() as tx:
        tables = {row.relname: row.relrowsecurity for row in tx.connection().execute(secured)}
        granted = {row[0] for row in tx.connection().execute(granted_tables)}
    assert len(tables) > 20
    assert {name for name, enabled in tables.items() if not enabled} == WITHOUT_TENANT | CREDENTIALS | {"counters"}
    assert granted == set(tables) - WITHOUT_TENANT - CREDENTIALS


def test_no_transaction_of_another_tenant_opens_inside_a_transaction(store: Store) -> None:
    with store.for_tenant(FIRST).write() as tx, store.write() as joined:
        assert joined is tx
        with pytest.raises(RuntimeError):
            store.for_tenant(SECOND).read()
    with store.write(), pytest.raises(RuntimeError):
        store.for_tenant(SECOND).write()


@pytest.fixture
def server(postgres_url: str) -> Iterator[Connection]:
    """The server, as its superuser."""
    engine = create_engine(database_url(postgres_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def plain(server: Connection, postgres_url: str) -> Iterator[str]:
    """A database whose owner may not create roles."""
    url = database_url(new_database(postgres_url, "plain")).set(username="plain", drivername="postgresql")
    server.execute(text("CREATE ROLE plain LOGIN"))
    server.execute(text(f'ALTER DATABASE "{url.database}" OWNER TO plain'))
    yield url.render_as_string(hide_password=False)
    server.execute(text(f'DROP DATABASE "{url.database}" WITH (FORCE)'))
    server.execute(text("DROP ROLE plain"))


def test_a_login_that_sees_no_rows_fails_the_check_and_is_not_taken_for_an_empty_database(
    filled: Store, server: Connection, postgres_url: str
) -> None:
    server.execute(text(f"CREATE ROLE other LOGIN IN ROLE {ROLE}"))
    filled.check()
    with filled.read() as tx:
        (database,) = tx.connection().execute(text("SELECT current_database()")).one()
    other_url = database_url(postgres_url).set(username="other", drivername="postgresql", database=database)
    other = Store(other_url.render_as_string(hide_password=False))
    with pytest.raises(LoginSeesNoRowsError):
        other.check()
    other.close()
    server.execute(text("DROP ROLE other"))


@pytest.mark.usefixtures("filled")  # another database of the same server, so the role exists
def test_an_owner_who_may_not_create_roles_has_to_be_in_the_tenant_role(server: Connection, plain: str) -> None:
    with pytest.raises(RoleMissingError, match="superuser"):
        migrate(plain)
    server.execute(text(f"GRANT {ROLE} TO plain"))
    migrate(plain)
    store = Store(plain)
    with store.write() as tx:
        tx.add(OrderRow(tenant="first", number="26-100000", currency="NOK", created_at=store.now()))
    with store.for_tenant(SECOND).read() as tx:
        assert numbers(tx) == []
    with store.for_tenant(FIRST).read() as tx:
        assert numbers(tx) == ["26-100000"]
    store.close()
