"""What every bus shares: what travels, and what is done with it."""
