"""Shared by every bus: message formats, and the handling of messages."""
