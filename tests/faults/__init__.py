"""Faults: in a simulated world, and on real processes and servers."""
