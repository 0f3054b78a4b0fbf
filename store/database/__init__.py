"""The database itself: connections, transactions, column types, row-level security, migrations."""
