"""Archive days of events as Parquet, restore them, and export events for people."""
