"""TikTok's webhooks: comments on a business's videos, and authorizations that end."""
