"""Row-level security in PostgreSQL: what a tenant's transaction (tenant_session.py) may read and write.

Steps and commands work for all tenants and are not behind it; the API's requests are. They may not write the books of
money, seats and steps at all.
"""

from itertools import accumulate

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from store.database.tenant_session import ROLE

READ, ADDED, CHANGED, WRITTEN = accumulate(("SELECT", ", INSERT", ", UPDATE", ", DELETE"))
_TENANT = "tenant = current_setting('changeover.tenant', true)"
OF_CHANNEL = "current_setting('changeover.channel', true) IN ('', distribution_channel)"

# Other databases of the same server may be migrated at the same time: the role is all of theirs.
_MAKE_ROLE = (
    f"""DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN CREATE ROLE {ROLE} NOLOGIN; END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    f"DO $$ BEGIN GRANT {ROLE} TO CURRENT_USER; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
    f"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema()); END $$",
    f"SET LOCAL ROLE {ROLE}",
    "RESET ROLE",
)


class RoleMissingError(Exception):
    """The present user may neither make the role nor be it."""

    def __init__(self) -> None:
        super().__init__(f"Not migrated: have a superuser CREATE ROLE {ROLE} NOLOGIN, and GRANT it to the login.")


def make_role(connection: Connection) -> None:
    """Make sure of the role of scoped transactions, and that we can be it. Raises RoleMissingError."""
    try:
        for statement in _MAKE_ROLE:
            connection.execute(text(statement))
    except ProgrammingError as error:
        raise RoleMissingError from error


def grant_table(connection: Connection, table: str, rights: str) -> None:
    """Let scoped transactions use a whole table, which says nothing of anybody."""
    connection.execute(text(f"GRANT {rights} ON {table} TO {ROLE}"))


def enable_tenant_policy(connection: Connection, table: str, rights: str, further: str | None = None) -> None:
    """Let scoped transactions use their tenant's rows of a table, as far as a further condition allows."""
    grant_table(connection, table, rights)
    seen = f"{_TENANT} AND {further}" if further else _TENANT
    connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"CREATE POLICY tenants ON {table} TO {ROLE} USING ({seen})"))


def drop_tenant_policy(connection: Connection, table: str) -> None:
    """Take back what `wall` or `admit` did."""
    connection.execute(text(f"DROP POLICY IF EXISTS tenants ON {table}"))
    connection.execute(text(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"REVOKE ALL ON {table} FROM {ROLE}"))
