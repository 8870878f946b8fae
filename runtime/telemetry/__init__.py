"""Logs, metrics, traces and clocks."""
