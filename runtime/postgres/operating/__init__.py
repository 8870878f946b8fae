"""The operator's queries: dead letters and trails."""
