"""The collector of Facebook events."""
