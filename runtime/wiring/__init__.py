"""Bind each function to its dependencies, and run it."""
