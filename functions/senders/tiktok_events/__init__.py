"""TikTok's Events API, 2.0 and 1.0: what sites send to TikTok about their visitors, sent to us."""
