"""Reports over a year of events: the latency of each answer, and its correctness."""
