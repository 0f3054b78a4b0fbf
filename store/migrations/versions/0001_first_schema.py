"""The first schema: tables, indexes and, on PostgreSQL, the role of tenant sessions with its policies and grants.

It uses plain types and its own SQL. A migration imports none of our modules, so later code never changes its effect.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROLE = "changeover_tenant"
_TENANT = "tenant = current_setting('changeover.tenant', true)"
_CHANNEL = "current_setting('changeover.channel', true) IN ('', distribution_channel)"
# The role belongs to the whole server, and other databases of the server may be migrated at the same time.
_MAKE_ROLE = (
    f"""DO $$ BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{_ROLE}') THEN CREATE ROLE {_ROLE} NOLOGIN; END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$""",
    f"DO $$ BEGIN GRANT {_ROLE} TO CURRENT_USER; EXCEPTION WHEN insufficient_privilege THEN NULL; END $$",
    f"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {_ROLE}', current_schema()); END $$",
    f"SET LOCAL ROLE {_ROLE}",
    "RESET ROLE",
)
_READ = "SELECT"
_ADD = "SELECT, INSERT"
_CHANGE = "SELECT, INSERT, UPDATE"
_DELETE = "SELECT, INSERT, UPDATE, DELETE"
# The rights of a tenant session on its tenant's rows. It never writes money, seats, lines or step records.
_RIGHTS = {
    "orders": _CHANGE,
    "changes": _CHANGE,
    "events": _ADD,
    "offer_bundles": _ADD,
    "offers": _ADD,
    "webhooks": _DELETE,
    "deliveries": _DELETE,
    "products": _READ,
    "supplements": _READ,
    "services": _READ,
    "seats": _READ,
    "seat_holds": _READ,
    "stock_holds": _READ,
    "step_records": _READ,
    "payments": _READ,
    "ledger": _READ,
    "payment_moves": _READ,
    "provider_events": _CHANGE,
    "disputes": "SELECT, UPDATE",
    "embedded_payments": _READ,
    "order_lines": _READ,
    "order_travellers": _READ,
    "order_fees": _READ,
    "price_groups": _READ,
    "reservations": _READ,
}


def upgrade() -> None:
    """Create every table and index; on PostgreSQL also the role, the policies and the grants."""
    op.create_table(
        "changes",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=True),
        sa.Column("route", sa.String(200), nullable=False),
        sa.Column("idempotency_key", sa.String(255), nullable=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("needs", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.String(256), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("draft_opened_by", sa.String(64), nullable=True),
        sa.Column("dispatch_error", sa.String(40), nullable=True),
        sa.Column("plan", sa.Text(), nullable=True),
        sa.Column("quote", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("shown_catalogue", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="outcome"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "client", "route", "idempotency_key", name="one_change_per_key"),
    )
    op.create_index("changes_correlation", "changes", ["tenant", "correlation_id"], unique=False)
    op.create_index("changes_of_order", "changes", ["order_number", "created_at"], unique=False)
    op.create_index(
        "changes_open",
        "changes",
        ["tenant", "created_at"],
        unique=False,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "clients",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(64), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_clients_tenant"), "clients", ["tenant"], unique=False)
    op.create_table(
        "counters",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "embedded_payments",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("token", sa.String(100), nullable=False),
        sa.Column("authorised_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("voided", sa.Boolean(), nullable=False),
        sa.CheckConstraint("captured_minor >= 0 AND captured_minor <= authorised_minor", name="captured"),
        sa.CheckConstraint("refunded_minor >= 0 AND refunded_minor <= captured_minor", name="refunded"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "offer_bundles",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("erased", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_offer_bundles_order_number"), "offer_bundles", ["order_number"], unique=False)
    op.create_index(
        "offer_bundles_not_erased",
        "offer_bundles",
        ["tenant", "expires_at"],
        unique=False,
        sqlite_where=sa.text("NOT erased"),
        postgresql_where=sa.text("NOT erased"),
    )
    op.create_table(
        "offers",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("bundle", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "orders",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("number", sa.String(20), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("distribution_channel", sa.String(64), nullable=True),
        sa.Column("point_of_sale", sa.String(100), nullable=True),
        sa.Column("external_reference", sa.String(100), nullable=True),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_version", sa.BigInteger(), nullable=False),
        sa.Column("draft_opened_by", sa.String(64), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_asked", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_limit", sa.Text(), nullable=True),
        sa.Column("tax_rounding", sa.String(10), nullable=False),
        sa.Column("last_event", sa.BigInteger(), nullable=False),
        sa.Column("next_line", sa.BigInteger(), nullable=False),
        sa.Column("next_position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(64), nullable=True),
        sa.Column("expires_with_offers", sa.Boolean(), nullable=False),
        sa.Column("abandoned", sa.Boolean(), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('draft', 'confirmed', 'expired', 'cancelled')", name="status"),
        sa.CheckConstraint("version >= 1 AND confirmed_version >= 0 AND confirmed_version <= version", name="versions"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_orders_tenant"), "orders", ["tenant"], unique=False)
    op.create_index(
        "orders_drafts",
        "orders",
        ["tenant", "expires_at"],
        unique=False,
        sqlite_where=sa.text("draft_opened_by IS NOT NULL"),
        postgresql_where=sa.text("draft_opened_by IS NOT NULL"),
    )
    op.create_index("orders_latest", "orders", ["tenant", "created_at", "number"], unique=False)
    op.create_index(
        "orders_not_erased",
        "orders",
        ["tenant", "number"],
        unique=False,
        sqlite_where=sa.text("erased_at IS NULL"),
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.create_index("orders_reference", "orders", ["tenant", "external_reference"], unique=False)
    op.create_table(
        "products",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("railway_line", sa.String(64), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(op.f("ix_products_railway_line"), "products", ["railway_line"], unique=False)
    op.create_table(
        "seat_holds",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("coach", sa.BigInteger(), nullable=False),
        sa.Column("seat", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('held', 'confirmed')", name="state"),
        sa.PrimaryKeyConstraint("tenant", "service", "coach", "seat"),
    )
    op.create_index("seat_holds_key", "seat_holds", ["key", "tenant"], unique=False)
    op.create_index("seat_holds_reference", "seat_holds", ["tenant", "reference"], unique=False)
    op.create_table(
        "stock_holds",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("place", sa.String(64), nullable=False),
        sa.Column("unit", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('held', 'confirmed')", name="state"),
        sa.CheckConstraint("unit >= 1 AND unit <= capacity", name="capacity"),
        sa.PrimaryKeyConstraint("tenant", "item", "place", "unit"),
    )
    op.create_index("stock_holds_key", "stock_holds", ["key", "tenant"], unique=False)
    op.create_index("stock_holds_reference", "stock_holds", ["tenant", "reference"], unique=False)
    op.create_table(
        "seats",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=False),
        sa.Column("coach", sa.BigInteger(), nullable=False),
        sa.Column("seat", sa.BigInteger(), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "service", "coach", "seat"),
    )
    op.create_table(
        "services",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("railway_line", sa.String(64), nullable=False),
        sa.Column("departs_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cancelled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(op.f("ix_services_railway_line"), "services", ["railway_line"], unique=False)
    op.create_index("services_day", "services", ["tenant", "day", "departs_at"], unique=False)
    op.create_table(
        "step_records",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("undo", sa.String(40), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(3), nullable=True),
        sa.Column("units", sa.Text(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("unanswered", sa.Text(), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discarded_answers", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('started', 'done', 'withdrawing', 'withdrawn')", name="state"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_step_records_change"), "step_records", ["change"], unique=False)
    op.create_index("step_records_in_order", "step_records", ["order_number", "sequence"], unique=True)
    op.create_index(
        "step_records_started",
        "step_records",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state = 'started'"),
        postgresql_where=sa.text("state = 'started'"),
    )
    op.create_index(
        "step_records_withdrawing",
        "step_records",
        ["change"],
        unique=False,
        sqlite_where=sa.text("state = 'withdrawing'"),
        postgresql_where=sa.text("state = 'withdrawing'"),
    )
    op.create_table(
        "supplements",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_table(
        "webhooks",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("types", sa.Text(), nullable=True),
        sa.Column("secret", sa.String(100), nullable=False),
        sa.Column("secret_idempotency_key", sa.String(255), nullable=False),
        sa.Column("previous_secret", sa.String(100), nullable=True),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(40), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure", sa.String(40), nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("enabled = (disabled_reason IS NULL)", name="disabled_reason"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "idempotency_key", name="one_webhook_per_key"),
    )
    op.create_table(
        "api_keys",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("id", sa.String(20), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["client"],
            ["clients.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_api_keys_client"), "api_keys", ["client"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("webhook", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_failure", sa.String(40), nullable=True),
        sa.Column("last_status", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("webhook", "order_number", "number"),
    )
    op.create_index("ix_deliveries_latest", "deliveries", ["webhook", "created_at"], unique=False)
    op.create_index(op.f("ix_deliveries_next_attempt_at"), "deliveries", ["next_attempt_at"], unique=False)
    op.create_table(
        "events",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(40), nullable=False),
        sa.Column("change", sa.String(64), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("order_number", "number"),
    )
    op.create_table(
        "order_fees",
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_in", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(64), nullable=True),
        sa.Column("removed_in", sa.BigInteger(), nullable=True),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("id", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.String(20), nullable=False),
        sa.Column("line", sa.String(40), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_order_fees_order_number"), "order_fees", ["order_number"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_in", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(64), nullable=True),
        sa.Column("removed_in", sa.BigInteger(), nullable=True),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("service", sa.String(64), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("travellers", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.String(20), nullable=False),
        sa.Column("change_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("returnable_until", sa.String(10), nullable=False),
        sa.Column("sold_until", sa.String(10), nullable=False),
        sa.Column("offer_bundle", sa.String(64), nullable=True),
        sa.Column("offer", sa.String(64), nullable=True),
        sa.Column("supplement_of", sa.String(40), nullable=True),
        sa.Column("seats", sa.Text(), nullable=False),
        sa.Column("units", sa.Text(), nullable=False),
        sa.Column("age_bands", sa.Text(), nullable=True),
        sa.Column("replaces", sa.Text(), nullable=False),
        sa.Column("sale", sa.String(40), nullable=False),
        sa.Column("restored_by", sa.String(64), nullable=True),
        sa.Column("external_reference", sa.String(100), nullable=True),
        sa.Column("customers", sa.Text(), nullable=True),
        sa.Column("distribution", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_order_lines_order_number"), "order_lines", ["order_number"], unique=False)
    op.create_table(
        "price_groups",
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("added_in", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(64), nullable=True),
        sa.Column("removed_in", sa.BigInteger(), nullable=True),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("given_up", sa.Text(), nullable=False),
        sa.Column("taken", sa.Text(), nullable=False),
        sa.Column("refund", sa.Boolean(), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_price_groups_order_number"), "price_groups", ["order_number"], unique=False)
    op.create_table(
        "order_travellers",
        sa.Column("added_in", sa.BigInteger(), nullable=False),
        sa.Column("removed_by", sa.String(64), nullable=True),
        sa.Column("removed_in", sa.BigInteger(), nullable=True),
        sa.Column("undone", sa.Boolean(), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("traveller", sa.String(64), nullable=False),
        sa.Column("added_by", sa.String(64), nullable=False),
        sa.Column("given_name", sa.String(100), nullable=True),
        sa.Column("family_name", sa.String(100), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("salutation", sa.String(20), nullable=True),
        sa.Column("gender", sa.String(20), nullable=True),
        sa.Column("nationality", sa.String(3), nullable=True),
        sa.Column("passport", sa.String(100), nullable=True),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("order_number", "traveller", "added_by"),
    )
    op.create_table(
        "payments",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(30), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.Column("capture_reference", sa.String(100), nullable=True),
        sa.Column("authorised_minor", sa.BigInteger(), nullable=False),
        sa.Column("captured_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_owed_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_out_minor", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("authorised_minor > 0", name="authorised"),
        sa.CheckConstraint("captured_minor >= 0 AND captured_minor <= authorised_minor", name="captured"),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor + refund_owed_minor <= captured_minor", name="refunded"
        ),
        sa.CheckConstraint("paid_out_minor >= 0 AND paid_out_minor <= refund_owed_minor", name="paid_out"),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_payments_order_number"), "payments", ["order_number"], unique=False)
    op.create_index(
        "payments_owing",
        "payments",
        ["tenant"],
        unique=False,
        sqlite_where=sa.text("refund_owed_minor > paid_out_minor"),
        postgresql_where=sa.text("refund_owed_minor > paid_out_minor"),
    )
    op.create_table(
        "reservations",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("client", sa.String(64), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("reference", sa.String(100), nullable=False),
        sa.Column("service", sa.String(64), nullable=True),
        sa.Column("coach", sa.BigInteger(), nullable=True),
        sa.Column("seat", sa.BigInteger(), nullable=True),
        sa.Column("item", sa.String(64), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shortened", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('held', 'confirmed', 'released')", name="state"),
        sa.CheckConstraint(
            "(item IS NULL) = (coach IS NOT NULL AND seat IS NOT NULL AND service IS NOT NULL)", name="seat"
        ),
        sa.CheckConstraint("item IS NULL OR (service IS NULL) <> (day IS NULL)", name="unit"),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_reservations_key"), "reservations", ["key"], unique=False)
    op.create_index(op.f("ix_reservations_order_number"), "reservations", ["order_number"], unique=False)
    op.create_index("reservations_reference", "reservations", ["reference"], unique=False)
    op.create_index("reservations_seat", "reservations", ["service", "coach", "seat"], unique=False)
    op.create_index(
        "reservations_held",
        "reservations",
        ["client"],
        unique=False,
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.create_table(
        "ledger",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("payment", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('authorise', 'void', 'lost', 'capture', 'refund', 'refund_failed', 'owe', 'payout')", name="kind"
        ),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.ForeignKeyConstraint(
            ["payment"],
            ["payments.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_ledger_change"), "ledger", ["change"], unique=False)
    op.create_index(op.f("ix_ledger_order_number"), "ledger", ["order_number"], unique=False)
    op.create_table(
        "payment_moves",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("change", sa.String(64), nullable=False),
        sa.Column("step", sa.String(40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("back", sa.Boolean(), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("payment", sa.String(100), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint("kind IN ('capture', 'refund', 'void', 'owe')", name="kind"),
        sa.CheckConstraint("state IN ('planned', 'started', 'done', 'pending', 'refused', 'failed')", name="state"),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.ForeignKeyConstraint(
            ["payment"],
            ["payments.key"],
        ),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(op.f("ix_payment_moves_change"), "payment_moves", ["change"], unique=False)
    op.create_index(op.f("ix_payment_moves_payment"), "payment_moves", ["payment"], unique=False)
    for name, column, state in (("started", "order_number", "started"), ("pending", "tenant", "pending")):
        op.create_index(
            f"payment_moves_{name}",
            "payment_moves",
            [column],
            unique=False,
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "provider_events",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("key", sa.String(100), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("dispute", sa.String(100), nullable=True),
        sa.Column("order_number", sa.String(20), nullable=True),
        sa.Column("change", sa.String(64), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(change IS NULL) = (order_number IS NULL)", name="handed_over"),
        sa.PrimaryKeyConstraint("tenant", "provider", "id"),
    )
    op.create_index(op.f("ix_provider_events_change"), "provider_events", ["change"], unique=False)
    op.create_index(
        "provider_events_unserved",
        "provider_events",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("served_at IS NULL"),
        postgresql_where=sa.text("served_at IS NULL"),
    )
    op.create_table(
        "disputes",
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("provider", sa.String(40), nullable=False),
        sa.Column("id", sa.String(100), nullable=False),
        sa.Column("order_number", sa.String(20), nullable=False),
        sa.Column("payment", sa.String(100), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'won', 'lost', 'closed')", name="state"),
        sa.ForeignKeyConstraint(
            ["order_number"],
            ["orders.number"],
        ),
        sa.PrimaryKeyConstraint("tenant", "provider", "id"),
    )
    op.create_index(op.f("ix_disputes_order_number"), "disputes", ["order_number"], unique=False)
    op.create_index(
        "disputes_open",
        "disputes",
        ["tenant"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _isolate_tenants()


def downgrade() -> None:
    """Drop every table, with its policy and grants. The role stays: other databases of the server may use it."""
    op.drop_index(
        "disputes_open",
        table_name="disputes",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index(op.f("ix_disputes_order_number"), table_name="disputes")
    op.drop_table("disputes")
    op.drop_index(
        "provider_events_unserved",
        table_name="provider_events",
        sqlite_where=sa.text("served_at IS NULL"),
        postgresql_where=sa.text("served_at IS NULL"),
    )
    op.drop_index(op.f("ix_provider_events_change"), table_name="provider_events")
    op.drop_table("provider_events")
    for name, state in (("pending", "pending"), ("started", "started")):
        op.drop_index(
            f"payment_moves_{name}",
            table_name="payment_moves",
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.drop_index(op.f("ix_payment_moves_payment"), table_name="payment_moves")
    op.drop_index(op.f("ix_payment_moves_change"), table_name="payment_moves")
    op.drop_table("payment_moves")
    op.drop_index(op.f("ix_ledger_order_number"), table_name="ledger")
    op.drop_index(op.f("ix_ledger_change"), table_name="ledger")
    op.drop_table("ledger")
    op.drop_index(
        "reservations_held",
        table_name="reservations",
        sqlite_where=sa.text("state = 'held'"),
        postgresql_where=sa.text("state = 'held'"),
    )
    op.drop_index(op.f("ix_reservations_order_number"), table_name="reservations")
    op.drop_index(op.f("ix_reservations_key"), table_name="reservations")
    op.drop_table("reservations")
    op.drop_index(
        "payments_owing",
        table_name="payments",
        sqlite_where=sa.text("refund_owed_minor > paid_out_minor"),
        postgresql_where=sa.text("refund_owed_minor > paid_out_minor"),
    )
    op.drop_index(op.f("ix_payments_order_number"), table_name="payments")
    op.drop_table("payments")
    op.drop_table("order_travellers")
    op.drop_index(op.f("ix_price_groups_order_number"), table_name="price_groups")
    op.drop_table("price_groups")
    op.drop_index(op.f("ix_order_lines_order_number"), table_name="order_lines")
    op.drop_table("order_lines")
    op.drop_index(op.f("ix_order_fees_order_number"), table_name="order_fees")
    op.drop_table("order_fees")
    op.drop_table("events")
    op.drop_index(op.f("ix_deliveries_next_attempt_at"), table_name="deliveries")
    op.drop_index("ix_deliveries_latest", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_api_keys_client"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("webhooks")
    op.drop_table("supplements")
    op.drop_index(
        "step_records_withdrawing",
        table_name="step_records",
        sqlite_where=sa.text("state = 'withdrawing'"),
        postgresql_where=sa.text("state = 'withdrawing'"),
    )
    op.drop_index(
        "step_records_started",
        table_name="step_records",
        sqlite_where=sa.text("state = 'started'"),
        postgresql_where=sa.text("state = 'started'"),
    )
    op.drop_index("step_records_in_order", table_name="step_records")
    op.drop_index(op.f("ix_step_records_change"), table_name="step_records")
    op.drop_table("step_records")
    op.drop_index("services_day", table_name="services")
    op.drop_index(op.f("ix_services_railway_line"), table_name="services")
    op.drop_table("services")
    op.drop_table("seats")
    op.drop_index("stock_holds_reference", table_name="stock_holds")
    op.drop_index("stock_holds_key", table_name="stock_holds")
    op.drop_table("stock_holds")
    op.drop_index("seat_holds_reference", table_name="seat_holds")
    op.drop_index("seat_holds_key", table_name="seat_holds")
    op.drop_table("seat_holds")
    op.drop_index(op.f("ix_products_railway_line"), table_name="products")
    op.drop_table("products")
    op.drop_index("orders_reference", table_name="orders")
    op.drop_index(
        "orders_not_erased",
        table_name="orders",
        sqlite_where=sa.text("erased_at IS NULL"),
        postgresql_where=sa.text("erased_at IS NULL"),
    )
    op.drop_index("orders_latest", table_name="orders")
    op.drop_index(
        "orders_drafts",
        table_name="orders",
        sqlite_where=sa.text("draft_opened_by IS NOT NULL"),
        postgresql_where=sa.text("draft_opened_by IS NOT NULL"),
    )
    op.drop_index(op.f("ix_orders_tenant"), table_name="orders")
    op.drop_table("orders")
    op.drop_table("offers")
    op.drop_index(
        "offer_bundles_not_erased",
        table_name="offer_bundles",
        sqlite_where=sa.text("NOT erased"),
        postgresql_where=sa.text("NOT erased"),
    )
    op.drop_index(op.f("ix_offer_bundles_order_number"), table_name="offer_bundles")
    op.drop_table("offer_bundles")
    op.drop_table("embedded_payments")
    op.drop_table("counters")
    op.drop_index(op.f("ix_clients_tenant"), table_name="clients")
    op.drop_table("clients")
    op.drop_index(
        "changes_open",
        table_name="changes",
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.drop_index("changes_of_order", table_name="changes")
    op.drop_index("changes_correlation", table_name="changes")
    op.drop_table("changes")


def _isolate_tenants() -> None:
    for statement in _MAKE_ROLE:
        op.execute(statement)
    for table, rights in _RIGHTS.items():
        rows = f"{_TENANT} AND {_CHANNEL}" if table == "orders" else _TENANT
        op.execute(f"GRANT {rights} ON {table} TO {_ROLE}")
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenants ON {table} TO {_ROLE} USING ({rows})")
    # Order numbers are counted for the whole installation, so this table has no tenant policy.
    op.execute(f"GRANT {_CHANGE} ON counters TO {_ROLE}")
