"""More details of travellers, orders that expire with their offers"""

import sqlalchemy as sa
from alembic import op

import store.database.column_types

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column('order_travellers', sa.Column('salutation', store.database.column_types.BoundedText(length=20), nullable=True))
    op.add_column('order_travellers', sa.Column('gender', store.database.column_types.BoundedText(length=20), nullable=True))
    op.add_column('order_travellers', sa.Column('nationality', store.database.column_types.BoundedText(length=3), nullable=True))
    op.add_column('order_travellers', sa.Column('passport', store.database.column_types.BoundedText(length=100), nullable=True))
    op.add_column('orders', sa.Column('expires_with_offers', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table('orders') as batch_op:
        batch_op.drop_column('expires_with_offers')
    with op.batch_alter_table('order_travellers') as batch_op:
        batch_op.drop_column('passport')
        batch_op.drop_column('nationality')
        batch_op.drop_column('gender')
        batch_op.drop_column('salutation')
