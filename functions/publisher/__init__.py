"""The publisher of test events."""
