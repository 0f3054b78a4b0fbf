"""Indexes for whoever looks things up: latest orders, what waits, references, departures of a day"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

_DRAFT = sa.text('draft_opened_by IS NOT NULL')
_OPEN = sa.text('outcome IS NULL')


def upgrade() -> None:
    """Apply."""
    op.create_index('orders_latest', 'orders', ['tenant', 'created_at', 'number'])
    op.create_index('orders_reference', 'orders', ['tenant', 'external_reference'])
    op.create_index('orders_drafts', 'orders', ['tenant', 'expires_at'], sqlite_where=_DRAFT, postgresql_where=_DRAFT)
    op.create_index('changes_correlation', 'changes', ['tenant', 'correlation_id'])
    op.create_index('changes_open', 'changes', ['tenant', 'created_at'], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index('services_day', 'services', ['tenant', 'day', 'departs_at'])


def downgrade() -> None:
    """Take back."""
    op.drop_index('services_day', 'services')
    op.drop_index('changes_open', 'changes')
    op.drop_index('changes_correlation', 'changes')
    op.drop_index('orders_drafts', 'orders')
    op.drop_index('orders_reference', 'orders')
    op.drop_index('orders_latest', 'orders')
