"""The operator: what became of events, and what is done about those that are dead."""
