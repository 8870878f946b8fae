"""The gateway: accepts events from senders."""
