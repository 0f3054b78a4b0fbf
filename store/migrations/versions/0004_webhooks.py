"""Webhooks, and which events are owed to each"""

import sqlalchemy as sa
from alembic import op

import store.database.column_types

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Events of before are owed to nobody: their orders' histories have them."""
    op.create_table('webhooks',
    sa.Column('tenant', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('id', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('url', store.database.column_types.BoundedText(length=2000), nullable=False),
    sa.Column('types', store.database.column_types.Document(), nullable=True),
    sa.Column('secret', store.database.column_types.BoundedText(length=100), nullable=False),
    sa.Column('secret_key', store.database.column_types.BoundedText(length=255), nullable=False),
    sa.Column('former_secret', store.database.column_types.BoundedText(length=100), nullable=True),
    sa.Column('former_until', store.database.column_types.UtcDateTime(), nullable=True),
    sa.Column('created_key', store.database.column_types.BoundedText(length=255), nullable=False),
    sa.Column('fingerprint', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('created_at', store.database.column_types.UtcDateTime(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('disabled_why', store.database.column_types.BoundedText(length=40), nullable=True),
    sa.Column('failing_since', store.database.column_types.UtcDateTime(), nullable=True),
    sa.Column('last_failure', store.database.column_types.BoundedText(length=40), nullable=True),
    sa.Column('last_status', store.database.column_types.SafeInteger(), nullable=True),
    sa.Column('last_success_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.CheckConstraint('enabled = (disabled_why IS NULL)', name='disabled_why'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('tenant', 'created_key', name='one_webhook_per_key')
    )
    op.create_table('deliveries',
    sa.Column('tenant', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('webhook', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('order_number', store.database.column_types.BoundedText(length=20), nullable=False),
    sa.Column('number', store.database.column_types.SafeInteger(), nullable=False),
    sa.Column('type', store.database.column_types.BoundedText(length=40), nullable=False),
    sa.Column('created_at', store.database.column_types.UtcDateTime(), nullable=False),
    sa.Column('attempts', store.database.column_types.SafeInteger(), nullable=False),
    sa.Column('next_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.Column('last_attempt_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.Column('last_failure', store.database.column_types.BoundedText(length=40), nullable=True),
    sa.Column('last_status', store.database.column_types.SafeInteger(), nullable=True),
    sa.Column('delivered_at', store.database.column_types.UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['order_number'], ['orders.number'], ),
    sa.PrimaryKeyConstraint('webhook', 'order_number', 'number')
    )
    with op.batch_alter_table('deliveries', schema=None) as batch_op:
        batch_op.create_index('ix_deliveries_latest', ['webhook', 'created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_deliveries_next_at'), ['next_at'], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table('deliveries')
    op.drop_table('webhooks')
