"""Shared by the operator's commands: they answer at once, even when servers are down."""

from typing import Final

ANSWER_SECONDS: Final = 1.5
"""How long a server may take to answer: with Python's start, and the second step of a
server that freezes between two, a command stays under three seconds."""

CANT_ASK: Final = 3
"""Exit code when something could not be asked, so that its state is unknown. 1 means that
something is wrong, 2 that the command line is."""
