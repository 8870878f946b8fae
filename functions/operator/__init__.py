"""The operator: what became of events, and what to do about dead letters."""
