"""What the disk that forgets is told, and what it says."""

from typing import Final

CUT: Final = "__cut__"
"""Begins the name of a folder; a seed may follow."""

RESTORE: Final = "__restore__"
"""Names a folder."""

MOUNTED: Final = "mounted"
"""A line of its output, each time that it is there."""
