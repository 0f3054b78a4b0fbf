"""A wall between tenants on PostgreSQL: a request's transaction sees its tenant's rows only"""

from alembic import op

from store.database.row_security import ADDED, CHANGED, OF_CHANNEL, READ, WRITTEN, grant_table, make_role, drop_tenant_policy, enable_tenant_policy

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_WRITTEN = {
    'changes': CHANGED, 'events': ADDED, 'offer_bundles': ADDED, 'offers': ADDED,
    'webhooks': WRITTEN, 'deliveries': WRITTEN,
}  # fmt: skip
_READ = (
    'products', 'supplements', 'services', 'seats', 'seat_holds', 'effects', 'payments', 'ledger', 'bank',
    'order_lines', 'order_travellers', 'order_fees', 'reservations',
)  # fmt: skip


def upgrade() -> None:
    """Apply."""
    connection = op.get_bind()
    if connection.dialect.name != 'postgresql':
        return
    make_role(connection)
    enable_tenant_policy(connection, 'orders', CHANGED, OF_CHANNEL)
    for table, rights in _WRITTEN.items():
        enable_tenant_policy(connection, table, rights)
    for table in _READ:
        enable_tenant_policy(connection, table, READ)
    # Order numbers are counted for the whole installation.
    grant_table(connection, 'counters', CHANGED)


def downgrade() -> None:
    """Take back; the role stays, for other databases of the server may use it."""
    connection = op.get_bind()
    if connection.dialect.name != 'postgresql':
        return
    for table in ('orders', *_WRITTEN, *_READ, 'counters'):
        drop_tenant_policy(connection, table)
