"""Meta's Conversions API: what sites send to Meta about their visitors, sent to us."""
