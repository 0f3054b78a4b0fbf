"""Offers by their own id, customers and distribution of lines, orders made by their first change"""

import sqlalchemy as sa
from alembic import op

import store.database.column_types

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Bundles found before live twenty minutes at most; they can be taken by bundle only."""
    op.create_table('offers',
    sa.Column('tenant', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('id', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.Column('bundle', store.database.column_types.BoundedText(length=64), nullable=False),
    sa.PrimaryKeyConstraint('tenant', 'id')
    )
    op.add_column('order_lines', sa.Column('customers', store.database.column_types.Document(), nullable=True))
    op.add_column('order_lines', sa.Column('distribution', store.database.column_types.Document(), nullable=True))
    op.add_column('orders', sa.Column('created_by', store.database.column_types.BoundedText(length=64), nullable=True))
    op.add_column('orders', sa.Column('abandoned', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table('orders') as batch_op:
        batch_op.drop_column('abandoned')
        batch_op.drop_column('created_by')
    with op.batch_alter_table('order_lines') as batch_op:
        batch_op.drop_column('distribution')
        batch_op.drop_column('customers')
    op.drop_table('offers')
