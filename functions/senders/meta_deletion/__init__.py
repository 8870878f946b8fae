"""Meta's data deletion requests."""
