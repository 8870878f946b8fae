"""Store TikTok events: accepted batches in, rows out, each event once."""

from functools import partial

from functions.collecting import collect

handle = partial(collect, "tiktok")
