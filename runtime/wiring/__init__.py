"""Bind each function to what it needs, and run it."""
