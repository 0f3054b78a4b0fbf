"""A wall between tenants on PostgreSQL: a request's transaction sees its tenant's rows only"""

from alembic import op

from store.walls import OF_CHANNEL, READ, WRITTEN, admit, make_role, take_down, wall

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_WRITTEN = ('changes', 'events', 'offer_bundles', 'offers', 'webhooks', 'deliveries')
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
    wall(connection, 'orders', WRITTEN, OF_CHANNEL)
    for table in _WRITTEN:
        wall(connection, table, WRITTEN)
    for table in _READ:
        wall(connection, table, READ)
    # Order numbers are counted for the whole installation.
    admit(connection, 'counters', WRITTEN)


def downgrade() -> None:
    """Take back; the role stays, for other databases of the server may use it."""
    connection = op.get_bind()
    if connection.dialect.name != 'postgresql':
        return
    for table in ('orders', *_WRITTEN, *_READ, 'counters'):
        take_down(connection, table)
