"""The read side: reports."""
