"""The gateway: takes events from the outside."""
