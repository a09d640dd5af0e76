"""The database of a home: SQLite or PostgreSQL, its schema brought up to date."""
