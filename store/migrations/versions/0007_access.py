"""Clients and their API keys; idempotency keys are each client's own"""

import sqlalchemy as sa
from alembic import op

import store.database.column_types

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('clients',
    sa.Column('tenant', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('id', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('channel', store.database.column_types.BoundedText(length=64), nullable=True),
    sa.Column('scopes', store.database.column_types.Document(), nullable=False),
    sa.Column('created_at', store.database.column_types.UtcDateTime(), nullable=False),
    sa.Column('revoked_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_clients_tenant'), 'clients', ['tenant'], unique=False)
    op.create_table('api_keys',
    sa.Column('tenant', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('id', store.database.column_types.BoundedText(length=20), nullable=False),
    sa.Column('client', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('digest', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('created_at', store.database.column_types.UtcDateTime(), nullable=False),
    sa.Column('last_used_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.Column('revoked_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['client'], ['clients.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_api_keys_client'), 'api_keys', ['client'], unique=False)
    with op.batch_alter_table('changes') as batch_op:
        batch_op.add_column(sa.Column('client', store.database.column_types.BoundedText(length=64), server_default='', nullable=False))
        batch_op.drop_constraint('one_change_per_key', type_='unique')
        batch_op.create_unique_constraint('one_change_per_key', ['tenant', 'client', 'route', 'idempotency_key'])


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table('changes') as batch_op:
        batch_op.drop_constraint('one_change_per_key', type_='unique')
        batch_op.create_unique_constraint('one_change_per_key', ['tenant', 'route', 'idempotency_key'])
        batch_op.drop_column('client')
    op.drop_table('api_keys')
    op.drop_table('clients')
