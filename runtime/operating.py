"""What the commands of an operator have in common: an answer at once, whatever is away."""

from typing import Final

ANSWER_SECONDS: Final = 1.5
"""How long a server gets to answer: with what Python needs to start, and with the
second step of a server that freezes between two, it stays under three seconds."""

CANT_ASK: Final = 3
"""Exit code where something could not be asked, so that nobody knows: 1 says that
something is wrong, 2 that the command line is."""
