"""PostgreSQL: all SQL statements, and the code that runs them."""
