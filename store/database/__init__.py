"""Database access: connections, transactions, column types, row-level security, migrations."""
