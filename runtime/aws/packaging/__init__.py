"""Zips for a function platform: each has just what its function imports."""
