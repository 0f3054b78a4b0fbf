"""Orders and promises whose people were erased; the order a promise was made for"""

import sqlalchemy as sa
from alembic import op

import store.database.column_types

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column('orders', sa.Column('erased_at', store.database.column_types.UtcDateTime(), nullable=True))
    op.create_index('orders_not_erased', 'orders', ['tenant', 'number'], unique=False,
                    sqlite_where=sa.text('erased_at IS NULL'), postgresql_where=sa.text('erased_at IS NULL'))
    op.add_column('offer_bundles', sa.Column('order_number', store.database.column_types.BoundedText(length=20), nullable=True))
    op.add_column('offer_bundles', sa.Column('erased', sa.Boolean(), server_default=sa.false(), nullable=False))
    member = "document::json ->> 'order'" if op.get_bind().dialect.name == 'postgresql' else "document ->> '$.order'"
    op.execute(f"UPDATE offer_bundles SET order_number = {member} WHERE {member} IS NOT NULL")
    op.create_index(op.f('ix_offer_bundles_order_number'), 'offer_bundles', ['order_number'], unique=False)
    op.create_index('offer_bundles_not_erased', 'offer_bundles', ['tenant', 'expires_at'], unique=False,
                    sqlite_where=sa.text('NOT erased'), postgresql_where=sa.text('NOT erased'))


def downgrade() -> None:
    """Take back."""
    op.drop_index('offer_bundles_not_erased', 'offer_bundles')
    op.drop_index(op.f('ix_offer_bundles_order_number'), 'offer_bundles')
    with op.batch_alter_table('offer_bundles') as batch_op:
        batch_op.drop_column('erased')
        batch_op.drop_column('order_number')
    op.drop_index('orders_not_erased', 'orders')
    with op.batch_alter_table('orders') as batch_op:
        batch_op.drop_column('erased_at')
