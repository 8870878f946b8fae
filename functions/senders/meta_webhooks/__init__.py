"""Meta's webhooks: Pages (comments, likes, lead forms) and ad accounts."""
