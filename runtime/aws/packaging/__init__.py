"""Zips for a function platform: each contains exactly what its function imports."""
