"""Indexes for what steps look up: holds by the provider's name, movements of a change"""

from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index('seat_holds_reference', 'seat_holds', ['tenant', 'reference'])
    op.create_index('seat_holds_key', 'seat_holds', ['key', 'tenant'])
    op.drop_index('ix_seat_holds_key', 'seat_holds')
    op.create_index('ix_ledger_change', 'ledger', ['change'])


def downgrade() -> None:
    """Take back."""
    op.drop_index('ix_ledger_change', 'ledger')
    op.create_index('ix_seat_holds_key', 'seat_holds', ['key'])
    op.drop_index('seat_holds_key', 'seat_holds')
    op.drop_index('seat_holds_reference', 'seat_holds')
