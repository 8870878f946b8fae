"""The schema and its permissions."""
