"""The collector of Facebook events on Lambda, behind its queue."""

from functions.fb_collector.handler import handle
from runtime.aws.collecting import event_collector

handler = event_collector("fb-collector", "facebook", handle)
