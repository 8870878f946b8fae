"""Days of events as Parquet: written before they go, and brought back; events for people."""
