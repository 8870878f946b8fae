"""The collector of TikTok events on Lambda, behind its queue."""

from functions.ttk_collector.handler import handle
from runtime.aws.collecting import event_collector

handler = event_collector("ttk-collector", "tiktok", handle)
