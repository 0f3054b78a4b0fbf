"""The database: SQLModel rows, queries, conversion to domain models, migrations. SQLite or PostgreSQL by URL."""
