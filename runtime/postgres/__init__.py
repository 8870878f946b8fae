"""PostgreSQL: all SQL, and what runs it."""
