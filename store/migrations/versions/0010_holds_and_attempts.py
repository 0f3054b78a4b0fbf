"""Whose a held seat is; indexes by which holds and attempts are counted"""

import sqlalchemy as sa
from alembic import op

import store.database.column_types

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

_HELD, _ASKED = sa.text("state = 'held'"), sa.text("state = 'asked'")


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('reservations') as batch_op:
        batch_op.add_column(sa.Column('client', store.database.column_types.BoundedText(length=64), server_default='', nullable=False))
    op.create_index('reservations_held', 'reservations', ['client'], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_index('effects_asked', 'effects', ['step'], sqlite_where=_ASKED, postgresql_where=_ASKED)
    op.create_index('changes_of_order', 'changes', ['order_number', 'created_at'])
    op.drop_index(op.f('ix_changes_order_number'), 'changes')


def downgrade() -> None:
    """Take back."""
    op.create_index(op.f('ix_changes_order_number'), 'changes', ['order_number'])
    op.drop_index('changes_of_order', 'changes')
    op.drop_index('effects_asked', 'effects')
    op.drop_index('reservations_held', 'reservations')
    with op.batch_alter_table('reservations') as batch_op:
        batch_op.drop_column('client')
