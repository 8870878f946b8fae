"""TikTok Shop's webhooks: orders, without their amounts."""
