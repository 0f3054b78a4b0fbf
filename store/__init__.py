"""What we remember: SQLModel rows, row to domain and back, migrations. SQLite or PostgreSQL by URL."""
