"""The collector of TikTok events."""
