"""The durable consumers of the functions, by name."""

from typing import Final

from runtime.jetstream.streams import DURABLES

FB_COLLECTOR: Final = DURABLES["fb-collector"]
TTK_COLLECTOR: Final = DURABLES["ttk-collector"]
DEAD_LETTER_COLLECTOR: Final = DURABLES["dead-letters"]
