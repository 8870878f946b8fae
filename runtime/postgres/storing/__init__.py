"""The write side: events, users, rollups and the ledger in one transaction."""
