"""Faults: what goes wrong in a world of its own, and on real processes and servers."""
