"""The schema, and who may do what with it."""
