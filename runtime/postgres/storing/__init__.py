"""The write side: events, users, figures and the ledger in one transaction."""
