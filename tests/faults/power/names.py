"""The commands and messages of the disk that loses unsynced data."""

from typing import Final

CUT: Final = "__cut__"
"""Begins the name of a folder; a seed may follow."""

RESTORE: Final = "__restore__"
"""Names a folder."""

MOUNTED: Final = "mounted"
"""A line of its output, each time that it is mounted."""
