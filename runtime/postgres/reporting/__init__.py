"""The read side: the reports."""
