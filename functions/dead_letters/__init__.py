"""The collector of dead letters."""
