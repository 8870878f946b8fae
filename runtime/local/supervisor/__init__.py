"""``eps up``: processes started in order, kept running, stopped in order."""
